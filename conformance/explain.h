// Where wrong bits first leave the right ones, and which known mistake gives exactly those bits.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "conformance/bitstream.h"
#include "conformance/plan.h"
#include "conformance/problem.h"
#include "kernels/convert/stored.h"
#include "kernels/core/terms.h"

namespace samebits {

// The sums behind a problem's only output, which may lie in 16 bits: their terms as binary32, and
// what an element holds of one. Lasts until this thread widens other tensors.
class ProblemSums {
 public:
  ProblemSums(const Op& op, const Problem& problem);

  std::size_t size() const;  // bytes of an element
  OutputTerms TermsOf(std::int64_t output) const;
  std::uint32_t BitsOf(float sum) const;

 private:
  const Op& op_;
  const Problem& problem_;
  std::optional<convert::Widened> wide_;
};

struct Difference {
  Divergence first;
  std::vector<std::string_view> tried;   // known mistakes
  std::vector<std::string_view> orders;  // those of them that give exactly these bits
};

// Nothing when the bits are alike. `want` is what the reference gives.
std::optional<Difference> Explain(const Cell& cell, const Bitstream& got, const Bitstream& want);

nlohmann::json JsonOf(const Difference& difference);

// A line for the divergence, and one for the orders.
std::string Describe(const Difference& difference);

// The second of these lines: "it has the bits of: one long chain".
std::string DescribeOrders(const Difference& difference);

}  // namespace samebits
