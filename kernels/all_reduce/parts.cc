#include "kernels/all_reduce/parts.h"

#include <algorithm>
#include <vector>

#include "kernels/core/cpu.h"
#include "kernels/core/leaves.h"

namespace samebits::all_reduce {
namespace {

void Sum(const float* const* parts, std::span<const int> merges, float* const* sums,
         std::int64_t begin, std::int64_t end, PartsFunction* sum) {
  std::vector<std::int64_t> last;
  std::size_t depth = 0;
  for (std::size_t i = 0; i < merges.size(); ++i) {
    last.push_back(0);
    depth = std::max(depth, last.size());
    last.resize(last.size() - static_cast<std::size_t>(merges[i]));
    last.back() = static_cast<std::int64_t>(i);
  }
  // A part completes what its level holds at the end, or is merged by a later one.
  last.resize(depth, -1);
  std::vector<const float*> stack(depth);
  sum({std::ssize(merges), parts, merges.data(), static_cast<std::int64_t>(depth), last.data(),
       sums, stack.data()},
      begin, end);
}

}  // namespace

namespace baseline {  // portable.cc
PartsFunction SumParts;
}
namespace avx2 {  // portable.cc, built with AVX2 and FMA
SAMEBITS_X86_64 PartsFunction SumParts;
}
namespace avx512 {  // portable.cc, built with AVX-512
SAMEBITS_X86_64 PartsFunction SumParts;
}

void SumParts(const float* const* parts, std::span<const int> merges, std::int64_t elements,
              float* const* sums) {
  const Isa isa = BestIsa();
  Sum(parts, merges, sums, 0, elements,
      isa == Isa::kAvx512 ? avx512::SumParts
      : isa == Isa::kAvx2 ? avx2::SumParts
                          : baseline::SumParts);
}

void SumLeaves(const Shape& s, const float* x, float* y, std::int64_t begin, std::int64_t end,
               PartsFunction* sum) {
  std::vector<const float*> parts;
  std::vector<Subtree> leaves;
  for (std::int64_t n = 0; n < s.n; ++n) {
    parts.push_back(x + n * s.c);
    leaves.push_back({n, 1});
  }
  Sum(parts.data(), MeetingOf(leaves).merges, &y, begin, end, sum);
}

}  // namespace samebits::all_reduce
