#include "model/train_op.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "kernels/conv2d/conv2d.h"
#include "kernels/core/contract.h"
#include "kernels/core/cpu.h"
#include "kernels/core/error.h"
#include "kernels/core/golden_folder.h"
#include "kernels/core/rows.h"

namespace samebits {

const Dataset& TrainDataOf(const Case& c) {
  if (c.Has("builtin")) {
    static const Dataset builtin = LoadDataset(BuiltinDataDirectory());
    return builtin;
  }
  if (!c.Has("fashion")) {
    throw UserError(fmt::format("case '{}': names no data, builtin or fashion", c.id()));
  }
  if (!std::filesystem::exists(InstalledFashionMnistDirectory())) {
    throw UnavailableError("Fashion-MNIST is not installed: Debian package dataset-fashion-mnist");
  }
  static const Dataset fashion = LoadDataset(InstalledFashionMnistDirectory());
  return fashion;
}

TrainSettings TrainSettingsOf(const Case& c) {
  TrainSettings settings;
  settings.seeds = GlobalSeeds::All(c.Get("seed"));
  if (c.Has("tensorflow")) settings.stream = &kKerasTensorflow;
  settings.batch = static_cast<int>(c.Get("b"));
  settings.leaves = static_cast<int>(c.Get("v", settings.leaves));
  settings.steps = c.Get("steps", -1);
  settings.epochs = static_cast<int>(c.Get("epochs", 0));
  if (settings.batch < 1 || (settings.steps < 0) == (settings.epochs == 0)) {
    throw UserError(fmt::format("case '{}': needs b, and either steps or epochs", c.id()));
  }
  return settings;
}

namespace {

using enum DType;

constexpr int kStepBytes = 4 + 32;

Signature SignatureOf(const Case& c) {
  const Dataset& data = TrainDataOf(c);
  const TrainPlan plan = PlanOf(TrainSettingsOf(c), data);
  const auto images = [](const char* name, const ImageSet& set) {
    return Tensor{name, kUint8, {set.count, set.height, set.width}};
  };
  const auto labels = [](const char* name, const ImageSet& set) {
    return Tensor{name, kUint8, {set.count}};
  };
  return {{images("train_images", data.train), labels("train_labels", data.train),
           images("test_images", data.test), labels("test_labels", data.test)},
          {{"steps", kUint8, {plan.steps, kStepBytes}},
           {"history", kFloat32, {plan.steps / plan.steps_per_epoch, 4}}}};
}

void Fill(const Case& c, int index, const Tensor& tensor, std::byte* data) {
  const Dataset& set = TrainDataOf(c);
  const std::vector<std::uint8_t>* const sources[] = {&set.train.images, &set.train.labels,
                                                      &set.test.images, &set.test.labels};
  std::memcpy(data, sources[index]->data(), tensor.Bytes());
}

template <const std::string_view& kernels>
void TrainWith(const Case& c, const Buffers& buffers, Team& team) {
  const TrainResult result =
      Train(CnnRecipe(), TrainSettingsOf(c), TrainDataOf(c), KernelSet(kernels), team);
  const std::vector<std::uint8_t> steps = StepsOutput(result.steps);
  const std::vector<float> history = HistoryOutput(result.history);
  std::ranges::copy(steps, buffers.out<std::uint8_t>(0));
  std::ranges::copy(history, buffers.out(1));
}

// Other leaves, with fewer samples than leaves; and what is stored in full.
constexpr std::string_view kCases[] = {"builtin_steps3b9v16", "builtin_steps30b64",
                                       "builtin_tensorflow_steps5b16"};
// A few steps, and a whole run, which is there for its golden alone.
constexpr std::string_view kTimed[] = {"builtin_steps8b64", "fashion_epochs2b64"};

// Of the layers with weights, where nearly all of them are: forward, gradients of weights and,
// behind the first layer, of data.
double Flops(const Case& c) {
  double h = CnnRecipe().height, w = CnnRecipe().width, channels = CnnRecipe().channels, sum = 0;
  for (const Layer& layer : CnnRecipe().layers) {
    const double passes = &layer == &CnnRecipe().layers.front() ? 2 : 3;
    switch (layer.kind) {
      case LayerKind::kConv2d:
        h -= layer.window - 1, w -= layer.window - 1;
        sum += passes * 2 * h * w * layer.window * layer.window * channels * layer.units;
        break;
      case LayerKind::kDense:
        sum += passes * 2 * channels * layer.units;
        break;
      case LayerKind::kMaxPool:
        h = std::floor(h / layer.window), w = std::floor(w / layer.window);
        break;
      case LayerKind::kGlobalAveragePool:
      case LayerKind::kDropout:
        break;
    }
    if (layer.units > 0) channels = layer.units;
  }
  const auto steps = static_cast<double>(PlanOf(TrainSettingsOf(c), TrainDataOf(c)).steps);
  return steps * static_cast<double>(c.Get("b")) * sum;
}

constexpr std::string_view kReference = "reference", kPortable = "portable", kAvx2 = "avx2",
                           kAvx512 = "avx512", kNeon = "neon";

constexpr auto kAll = Claim::kEverywhere;

const Kernel kRows[] = {
    {&kTrainCnn, kReference, &kCpu, kAll, TrainWith<kReference>},
    {&kTrainCnn, kPortable, &kCpu, kAll, TrainWith<kPortable>},
    {&kTrainCnn, kAvx2, &kCpuAvx2, kAll, TrainWith<kAvx2>},
    {&kTrainCnn, kAvx512, &kCpuAvx512, kAll, TrainWith<kAvx512>},
    {&kTrainCnn, kNeon, &kCpuNeon, kAll, TrainWith<kNeon>},
};

}  // namespace

const Op kTrainCnn{
    .name = "train_cnn_v1",
    .order = "the recipe CNN's operations, step after step",
    .cases = kCases,
    .timed_cases = kTimed,
    .signature = SignatureOf,
    .fill = Fill,
    .flops = Flops,
};

std::string TrainCaseId(std::string_view data, const TrainSettings& settings) {
  const std::string length = settings.steps >= 0 ? fmt::format("steps{}", settings.steps)
                                                 : fmt::format("epochs{}", settings.epochs);
  const std::string leaves = settings.leaves == kLeaves ? "" : fmt::format("v{}", settings.leaves);
  const char* const stream = settings.stream == &kKerasTensorflow ? "_tensorflow" : "";
  return fmt::format("{}{}_{}b{}{}_seed{}", data, stream, length, settings.batch, leaves,
                     settings.seeds.backend);
}

std::vector<std::uint8_t> StepsOutput(const std::vector<StepRecord>& steps) {
  std::vector<std::uint8_t> bytes;
  for (const StepRecord& step : steps) {
    const auto loss = std::bit_cast<std::uint32_t>(step.loss);
    for (int shift = 0; shift < 32; shift += 8)
      bytes.push_back(static_cast<std::uint8_t>(loss >> shift));
    for (std::size_t i = 0; i < step.weights.size(); i += 2) {
      std::uint8_t byte = 0;
      std::from_chars(step.weights.data() + i, step.weights.data() + i + 2, byte, 16);
      bytes.push_back(byte);
    }
  }
  return bytes;
}

std::vector<float> HistoryOutput(const History& history) {
  std::vector<float> values;
  for (std::size_t epoch = 0; epoch < history.loss.size(); ++epoch) {
    values.insert(values.end(), {history.loss[epoch], history.accuracy[epoch],
                                 history.val_loss[epoch], history.val_accuracy[epoch]});
  }
  return values;
}

std::filesystem::path BuiltinDataDirectory() { return GoldenFolder() / "data"; }

std::filesystem::path InstalledFashionMnistDirectory() {
  return "/usr/share/datasets/fashion-mnist";
}

}  // namespace samebits

std::span<const samebits::Kernel> samebits::rows::TrainCnn() { return kRows; }
