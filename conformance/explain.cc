#include "conformance/explain.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "conformance/problem.h"
#include "conformance/wrong_orders.h"

namespace samebits {
namespace {

// Elements of each kind that an order must reproduce to be named.
constexpr std::int64_t kSamples = 32;

// The first elements that differ, and some all over the tensor that don't: an order that gives the
// wrong bits must give the right ones where the kernel does.
std::vector<std::int64_t> SampleElements(const Bitstream& got, const Bitstream& want) {
  std::vector<std::int64_t> samples;
  const auto elements = static_cast<std::int64_t>(got.size() / sizeof(float));
  const std::int64_t step = std::max<std::int64_t>(1, elements / kSamples);
  std::int64_t differing = 0;
  for (std::int64_t i = 0; i < elements; ++i) {
    const bool differs = FloatBitsAt(got, i) != FloatBitsAt(want, i);
    if (differs ? differing++ < kSamples : i % step == 0) samples.push_back(i);
  }
  return samples;
}

std::vector<std::string_view> OrdersOf(const Op& op, const Problem& problem, const Bitstream& got,
                                       const Bitstream& want) {
  const auto all = WrongOrders();
  std::vector<WrongOrder> left(all.begin(), all.end());
  for (const std::int64_t i : SampleElements(got, want)) {
    const OutputTerms terms = op.terms(problem.case_of(), problem.buffers(), i);
    std::erase_if(left, [&](const WrongOrder& order) {
      return BitsOf(order.compute(terms)) != FloatBitsAt(got, i);
    });
  }
  std::vector<std::string_view> names;
  for (const WrongOrder& order : left) names.push_back(order.name);
  return names;
}

}  // namespace

std::optional<Difference> Explain(const Cell& cell, const Bitstream& got, const Bitstream& want) {
  const Op& op = *cell.kernel->op;
  const Problem problem(op, cell.case_id);
  const auto first = FirstDivergence(problem.signature().outputs, got, want);
  if (!first) return std::nullopt;
  if (op.terms == nullptr) return Difference{*first, false, {}};
  return Difference{*first, true, OrdersOf(op, problem, got, want)};
}

nlohmann::json JsonOf(const Difference& difference) {
  const Divergence& first = difference.first;
  nlohmann::json json = {{"element", first.element},
                         {"got", first.got},
                         {"want", first.want},
                         {"differing", first.differing},
                         {"elements", first.elements},
                         {"orders", difference.orders},
                         {"has_terms", difference.has_terms}};
  if (first.has_ulps) json["ulps"] = first.ulps;
  return json;
}

std::string DescribeOrders(const Difference& difference) {
  if (!difference.has_terms) return "no wrong order is known for this operation";
  if (difference.orders.empty()) return "no known wrong order has these bits";
  return fmt::format("it has the bits of: {}", fmt::join(difference.orders, "; "));
}

std::string Describe(const Difference& difference) {
  return fmt::format("{}\n  {}", Describe(difference.first), DescribeOrders(difference));
}

}  // namespace samebits
