// samebits accuracy: how far the exact tier's fixed point and the contract's chains of binary32 are
// from the product without any rounding.
#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "conformance/problem.h"
#include "kernels/core/error.h"
#include "kernels/core/team.h"
#include "kernels/dense/dense.h"
#include "kernels/exact/exact.h"
#include "kernels/math/double_double.h"
#include "model/kernel_set.h"
#include "tools/samebits/commands.h"

namespace samebits {
namespace {

// Values of one size, of many, and of ever wider lines.
constexpr std::string_view kCases[] = {
    "n64c256_k64_seed812",          "n64c4096_k64_seed812",         "n64c4096_k64_logits_seed812",
    "n64c4096_k64_range8_seed812",  "n64c4096_k64_range16_seed812", "n64c4096_k64_range24_seed812",
    "n64c4096_k64_range40_seed812", "n64c4096_k64_cancel_seed812"};

// Errors of all outputs, in units of 2^-24 of the sum of the terms' magnitudes: what no order of
// sums can change, whether they cancel or not.
struct Errors {
  double median, largest;
};

Errors ErrorsOf(std::vector<double> errors) {
  std::ranges::sort(errors);
  return {errors[errors.size() / 2], errors.back()};
}

struct Accuracy {
  std::string case_id;
  Errors chains, fixed;
};

// By sums of about 106 bits, of products that binary64 holds.
std::vector<double> ErrorsOf(const Problem& problem, const std::vector<float>& y) {
  const exact::Shape s = exact::ShapeOf(problem.case_of());
  const float *x = problem.buffers().in(0), *w = problem.buffers().in(1);
  std::vector<double> errors;
  for (std::int64_t n = 0; n < s.n; ++n) {
    for (std::int64_t o = 0; o < s.k; ++o) {
      DoubleDouble sum{0, 0};
      double magnitudes = 0;
      const auto add = [&](double value) {
        const double high = sum.high + value, part = high - sum.high;
        const double error = (sum.high - (high - part)) + (value - part);
        sum = FastTwoSum(high, error + sum.low);
      };
      for (std::int64_t i = 0; i < s.c; ++i) {
        const double product = double{x[n * s.c + i]} * double{w[i * s.k + o]};
        add(product);
        magnitudes += std::fabs(product);
      }
      const double result = y[errors.size()];
      if (!std::isfinite(magnitudes) || !std::isfinite(result)) {
        throw UserError(
            fmt::format("case '{}': infinities and NaNs have no error", problem.case_of().id()));
      }
      add(-result);
      errors.push_back(magnitudes == 0 ? 0 : std::fabs(sum.high + sum.low) / magnitudes * 0x1p24);
    }
  }
  return errors;
}

Accuracy Measure(const std::string& case_id, Team& team) {
  const Problem problem(exact::kProduct, case_id);
  const exact::Shape s = exact::ShapeOf(problem.case_of());
  const KernelSet kernels("auto");
  std::vector<float> y(static_cast<std::size_t>(s.n * s.k)), bias(static_cast<std::size_t>(s.k));
  Buffers buffers = problem.buffers();
  buffers.outputs[0] = y.data();
  kernels.Run(exact::kProduct, problem.case_of(), buffers, team);
  const Errors fixed = ErrorsOf(ErrorsOf(problem, y));
  buffers.inputs[2] = bias.data();
  kernels.Run(dense::kForward, problem.case_of(), buffers, team);
  return {case_id, ErrorsOf(ErrorsOf(problem, y)), fixed};
}

nlohmann::ordered_json JsonOf(const Accuracy& a) {
  const auto errors = [](const Errors& e) {
    return nlohmann::ordered_json{{"median", e.median}, {"largest", e.largest}};
  };
  return {{"case", a.case_id},
          {std::string(dense::kForward.name), errors(a.chains)},
          {std::string(exact::kProduct.name), errors(a.fixed)}};
}

}  // namespace

void AddAccuracy(CLI::App& app, int&) {
  struct Options {
    std::vector<std::string> cases{std::begin(kCases), std::end(kCases)};
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "accuracy", "Measure the errors of the exact tier's products and of the contract's chains");
  command->add_option("CASE", options->cases, "Of dense_exact_v1, like n64c256_k64_range8_seed42");
  command->add_flag("--json", options->json, "One line of JSON for each case");
  command->callback([options] {
    if (!options->json) {
      fmt::print("errors in 2^-24 of the sum of the terms' magnitudes, of all outputs\n");
      fmt::print("{:<32} {:>12} {:>10}  {:>14} {:>10}\n", "case", dense::kForward.name, "largest",
                 exact::kProduct.name, "largest");
    }
    Team team(1);
    for (const std::string& case_id : options->cases) {
      const Accuracy a = Measure(case_id, team);
      if (options->json) {
        fmt::print("{}\n", JsonOf(a).dump());
      } else {
        fmt::print("{:<32} {:>12.4f} {:>10.4f}  {:>14.4f} {:>10.4f}\n", a.case_id, a.chains.median,
                   a.chains.largest, a.fixed.median, a.fixed.largest);
      }
    }
  });
}

}  // namespace samebits
