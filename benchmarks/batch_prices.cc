#include "benchmarks/batch_prices.h"

#include <memory>

#include <fmt/format.h>

#include "conformance/problem.h"
#include "kernels/core/registry.h"

namespace samebits {
namespace {

// Layers of the recipe with room for the batch; elementwise ones count elements.
struct BatchCase {
  std::string_view operation, case_id;
  std::int64_t elements;  // in an image, where n counts elements
};
constexpr BatchCase kBatchCases[] = {
    {"conv2d_fwd_v1", "n1h15w15c32_k32r3s3_relu", 1},
    {"conv2d_dgrad_v1", "n1h15w15c32_k32r3s3", 1},
    {"conv2d_wgrad_v1", "n1h15w15c32_k32r3s3", 1},
    {"conv2d_bgrad_v1", "n1h15w15c32_k32r3s3", 1},
    {"dense_fwd_v1", "n1c32_k64_relu", 1},
    {"dense_dgrad_v1", "n1c32_k64", 1},
    {"dense_wgrad_v1", "n1c32_k64", 1},
    {"maxpool2d_fwd_v1", "n1h13w13c32_r2s2", 1},
    {"maxpool2d_bwd_v1", "n1h13w13c32_r2s2", 1},
    {"maxpool2d_argmax_fwd_v1", "n1h13w13c32_r2s2", 1},
    {"maxpool2d_argmax_bwd_v1", "n1h13w13c32_r2s2", 1},
    {"global_avgpool_fwd_v1", "n1h4w4c32", 1},
    {"global_avgpool_bwd_v1", "n1h4w4c32", 1},
    {"relu_bwd_v1", "n1", 1152},
    {"dropout_fwd_v1", "n1_rate200000_draw426286787call0", 1152},
    {"softmax_xent_fwd_v1", "n1c10_logits", 1},
    {"softmax_xent_bwd_v1", "n1c10_logits", 1},
};
constexpr std::int64_t kBatches[] = {64, 256, 1024, 4096};

// No golden is there for these batches: plain code, whose bits goldens hold at others, says what
// they must be.
void AddLayer(const BatchCase& layer, const Kernel& kernel, PriceList& list) {
  const Op& op = *kernel.op;
  Team team(1);
  std::vector<std::unique_ptr<Problem>> problems;
  std::vector<Contestant> contestants;
  for (const std::int64_t batch : kBatches) {
    const Case c = Case::Parse(fmt::format("{}_seed812", layer.case_id));
    const std::string id = c.With("n", batch * layer.elements).id();
    problems.push_back(std::make_unique<Problem>(op, id));
    Problem& problem = *problems.back();
    const auto bits = [&](const Kernel& k) {
      problem.PoisonOutputs();
      Run(k, problem.case_of(), problem.buffers(), team);
      return DigestOf(problem.Outputs());
    };
    if (bits(kernel) != bits(*FindKernel(op, "portable"))) {
      list.wrong.push_back(
          fmt::format("{}/{}@{}: other bits than portable", op.name, id, kernel.name));
      return;
    }
    contestants.push_back({"", [&] { Run(kernel, problem.case_of(), problem.buffers(), team); }});
  }
  auto times = TimeInRounds(contestants, list.rounds, Clock::kThread);
  for (std::size_t i = 0; i < times.size(); ++i) {
    for (double& time : times[i]) time /= static_cast<double>(kBatches[i]);
    list.batches.push_back({std::string(op.name), problems[i]->case_of().id(),
                            std::string(kernel.name), kBatches[i], Median(times[i]),
                            RatioOf(times[i], times[0])});
  }
}

// The row of the most capable ISA that this machine has.
const Kernel* BestOf(std::span<const Kernel* const> kernels, const Op& op) {
  for (const std::string_view name : {"avx512", "avx2", "neon", "portable"}) {
    for (const Kernel* kernel : kernels) {
      if (kernel->op == &op && kernel->name == name && kernel->backend->unavailable().empty()) {
        return kernel;
      }
    }
  }
  return nullptr;
}

}  // namespace

void AddBatchPrices(std::span<const Kernel* const> kernels, PriceList& list,
                    const std::function<void(const std::string&)>& progress) {
  for (const BatchCase& layer : kBatchCases) {
    const Op& op = *FindOp(layer.operation);
    progress(fmt::format("{} at batches to {}", op.name, kBatches[3]));
    if (const Kernel* kernel = BestOf(kernels, op)) AddLayer(layer, *kernel, list);
  }
}

}  // namespace samebits
