#include "kernels/core/leaves.h"

#include <numeric>

namespace samebits {
namespace {

bool AreSiblings(const Subtree& left, const Subtree& right) {
  return left.leaves == right.leaves && left.first + left.leaves == right.first &&
         left.first % (2 * left.leaves) == 0;
}

}  // namespace

Meeting MeetingOf(std::span<const Subtree> subtrees) {
  Meeting meeting;
  std::vector<Subtree>& stack = meeting.sums;
  for (const Subtree& subtree : subtrees) {
    stack.push_back(subtree);
    int merges = 0;
    while (stack.size() > 1 && AreSiblings(stack[stack.size() - 2], stack.back())) {
      stack.pop_back();
      stack.back().leaves *= 2;
      ++merges;
    }
    meeting.merges.push_back(merges);
  }
  return meeting;
}

std::vector<Subtree> SubtreesOf(std::span<const std::int64_t> leaves) {
  std::vector<Subtree> single;
  for (const std::int64_t leaf : leaves) single.push_back({leaf, 1});
  return MeetingOf(single).sums;
}

std::vector<Subtree> SubtreesOf(std::int64_t first, std::int64_t leaves) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(leaves));
  std::iota(all.begin(), all.end(), first);
  return SubtreesOf(all);
}

}  // namespace samebits
