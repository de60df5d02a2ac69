#include "conformance/explain.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "conformance/surroundings.h"
#include "conformance/wrong_kernels.h"
#include "conformance/wrong_orders.h"
#include "kernels/core/registry.h"
#include "kernels/core/team.h"

namespace samebits {
namespace {

// Elements of each kind that an order must reproduce to be named.
constexpr std::int64_t kSamples = 32;

// The first elements that differ, and some all over the tensor that don't: an order that gives the
// wrong bits must give the right ones where the kernel does.
std::vector<std::int64_t> SampleElements(const Bitstream& got, const Bitstream& want,
                                         std::size_t size) {
  std::vector<std::int64_t> samples;
  const auto elements = static_cast<std::int64_t>(got.size() / size);
  const std::int64_t step = std::max<std::int64_t>(1, elements / kSamples);
  std::int64_t differing = 0;
  for (std::int64_t i = 0; i < elements; ++i) {
    const bool differs = BitsAt(got, i, size) != BitsAt(want, i, size);
    if (differs ? differing++ < kSamples : i % step == 0) samples.push_back(i);
  }
  return samples;
}

// Leaves the orders that give all of the wrong bits.
void TryOrders(const Op& op, const Problem& problem, const Bitstream& got, const Bitstream& want,
               Difference& difference) {
  const ProblemSums sums(op, problem);
  std::vector<WrongOrder> left;
  for (const std::int64_t i : SampleElements(got, want, sums.size())) {
    const OutputTerms terms = sums.TermsOf(i);
    if (difference.tried.empty()) {
      for (const WrongOrder& order : WrongOrders(terms)) {
        left.push_back(order);
        difference.tried.push_back(order.name);
      }
    }
    std::erase_if(left, [&](const WrongOrder& order) {
      return sums.BitsOf(order.compute(terms)) != BitsAt(got, i, sums.size());
    });
  }
  for (const WrongOrder& order : left) difference.orders.push_back(order.name);
}

// The right order under another arithmetic: the reference itself, and not by samebits::Run, which
// would force the contract's.
void TryFlush(const Op& op, Problem& problem, const Bitstream& got, Difference& difference) {
  constexpr std::string_view kName = "subnormals flushed to zero";
  Setting setting;
  setting.caller = CallerState::kFlush;
  if (!Lacking(setting).empty()) return;
  problem.PoisonOutputs();
  {
    Team team(1);
    const Surroundings flush(setting);
    RunAsIs(Reference(op), problem.case_of(), problem.buffers(), team);
  }
  difference.tried.push_back(kName);
  if (problem.Outputs() == got) difference.orders.push_back(kName);
}

// The mistakes that are made with a whole tensor.
void TryKernels(const Op& op, Problem& problem, const Bitstream& got, Difference& difference) {
  Team team(1);
  for (const WrongKernel& wrong : WrongKernels(op)) {
    problem.PoisonOutputs();
    wrong.run(problem.case_of(), problem.buffers(), team);
    difference.tried.push_back(wrong.name);
    if (problem.Outputs() == got) difference.orders.push_back(wrong.name);
  }
}

}  // namespace

ProblemSums::ProblemSums(const Op& op, const Problem& problem) : op_(op), problem_(problem) {
  if (!IsStored(op, problem.case_of())) return;
  Team team(1);
  wide_.emplace(Reference(op), problem.case_of(), problem.buffers(), team);
}

std::size_t ProblemSums::size() const { return SizeOf(problem_.signature().outputs[0].type); }

OutputTerms ProblemSums::TermsOf(std::int64_t output) const {
  if (wide_) return op_.terms(wide_->case_of(), wide_->buffers(), output);
  return op_.terms(problem_.case_of(), problem_.buffers(), output);
}

std::uint32_t ProblemSums::BitsOf(float sum) const {
  const bool rounds = problem_.signature().outputs[0].type == DType::kUint16;
  return rounds ? convert::Rounded(problem_.case_of(), sum) : samebits::BitsOf(sum);
}

std::optional<Difference> Explain(const Cell& cell, const Bitstream& got, const Bitstream& want) {
  const Op& op = *cell.kernel->op;
  Problem problem(op, cell.case_id);
  const auto first = FirstDivergence(problem.signature().outputs, got, want);
  if (!first) return std::nullopt;
  Difference difference{*first, {}, {}};
  if (op.terms != nullptr) TryOrders(op, problem, got, want, difference);
  TryKernels(op, problem, got, difference);
  TryFlush(op, problem, got, difference);
  return difference;
}

nlohmann::json JsonOf(const Difference& difference) {
  const Divergence& first = difference.first;
  nlohmann::json json = {{"element", first.element},   {"got", first.got},
                         {"want", first.want},         {"differing", first.differing},
                         {"elements", first.elements}, {"tried", difference.tried},
                         {"orders", difference.orders}};
  if (first.has_ulps) json["ulps"] = first.ulps;
  return json;
}

std::string DescribeOrders(const Difference& difference) {
  if (difference.orders.empty()) {
    return fmt::format("no known mistake has these bits ({} tried)", difference.tried.size());
  }
  return fmt::format("it has the bits of: {}", fmt::join(difference.orders, "; "));
}

std::string Describe(const Difference& difference) {
  return fmt::format("{}\n  {}", Describe(difference.first), DescribeOrders(difference));
}

}  // namespace samebits
