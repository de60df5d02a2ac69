#include "model/division.h"

#include <algorithm>

#include <fmt/format.h>

#include "kernels/core/contract.h"
#include "kernels/core/error.h"

namespace samebits {

std::int64_t Turn::FirstSample(std::int64_t batch, std::int64_t all_leaves) const {
  return LeafBegin(first, batch, all_leaves);
}

std::int64_t Turn::Samples(std::int64_t batch, std::int64_t all_leaves) const {
  return LeafBegin(first + leaves, batch, all_leaves) - FirstSample(batch, all_leaves);
}

// The borders of leaves are rounded: one sample more than its share.
std::int64_t Turn::MostSamples(std::int64_t batch, std::int64_t all_leaves) const {
  return std::min(batch, (leaves * batch + all_leaves - 1) / all_leaves + 1);
}

Division::Division(const LeafMap& map, int rank, std::int64_t leaves, int turns) : leaves_(leaves) {
  const std::vector<std::int64_t>& own = map[static_cast<std::size_t>(rank)];
  const auto count = std::ssize(own);
  if (turns > count) {
    throw UserError(fmt::format(
        "--accumulate {}: rank {} of {} has {} of the batch's {} leaves, and a turn needs one; "
        "take fewer turns",
        turns, rank, map.size(), count, leaves));
  }
  for (std::int64_t turn = 0; turn < turns; ++turn) {
    const std::int64_t begin = turn * count / turns, end = (turn + 1) * count / turns;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t leaf = own[static_cast<std::size_t>(i)];
      if (i > begin && leaf == turns_.back().first + turns_.back().leaves) {
        ++turns_.back().leaves;
      } else {
        turns_.push_back({leaf, 1});
      }
    }
  }
}

Division::Part Division::Of(const std::vector<std::uint32_t>& order, std::int64_t batch) const {
  Part part;
  for (std::int64_t first = 0; first < std::ssize(order); first += batch) {
    const std::int64_t now = std::min(batch, std::ssize(order) - first);
    for (const Turn& turn : turns_) {
      const std::int64_t samples = turn.Samples(now, leaves_);
      const auto begin = order.begin() + first + turn.FirstSample(now, leaves_);
      part.order.insert(part.order.end(), begin, begin + samples);
      part.sizes.push_back(static_cast<int>(samples));
    }
  }
  return part;
}

std::int64_t Division::MostSamples(std::int64_t batch) const {
  std::int64_t most = 0;
  for (const Turn& turn : turns_) most = std::max(most, turn.MostSamples(batch, leaves_));
  return most;
}

}  // namespace samebits
