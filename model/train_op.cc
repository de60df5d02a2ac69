#include "model/train_op.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "kernels/activation/activation.h"
#include "kernels/core/contract.h"
#include "kernels/core/cpu.h"
#include "kernels/core/error.h"
#include "kernels/core/golden_folder.h"
#include "kernels/core/pipeline_plan.h"
#include "kernels/core/rows.h"
#include "kernels/cuda/stream.h"

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
  if (c.Get("bfloat", 0) == 16) settings.precision = Precision::kBfloat16;
  if (c.Get("float", 0) == 16) settings.precision = Precision::kFloat16;
  if (c.Has("dynamic")) {
    settings.loss_scaling = kDynamicScaling;
    settings.loss_scaling.interval = c.Get("interval", settings.loss_scaling.interval);
  }
  settings.loss_scaling.exponent = static_cast<int>(c.Get("scale", settings.loss_scaling.exponent));
  settings.batch = static_cast<int>(c.Get("b"));
  settings.leaves = static_cast<int>(c.Get("v", settings.leaves));
  settings.ranks = static_cast<int>(c.Get("ranks", 1));
  settings.mapping = static_cast<Mapping>(c.Get("map", static_cast<int>(settings.mapping)));
  settings.steps = c.Get("steps", -1);
  settings.epochs = static_cast<int>(c.Get("epochs", 0));
  settings.map_threads = CurrentPipelinePlan().map_threads;
  settings.prefetch = CurrentPipelinePlan().prefetch;
  if (settings.batch < 1 || (settings.steps < 0) == (settings.epochs == 0)) {
    throw UserError(fmt::format("case '{}': needs b, and either steps or epochs", c.id()));
  }
  return settings;
}

namespace {

using enum DType;

constexpr int kStepBytes = 4 + 32;

constexpr std::string_view kCnn = "cnn", kPage = "keras-page", kMlpSequence = "mlp-sequence",
                           kMlpBinary = "mlp-binary", kEmbedding = "embedding", kRnn = "rnn";
constexpr std::string_view kReference = "reference", kPortable = "portable", kAvx2 = "avx2",
                           kAvx512 = "avx512", kNeon = "neon", kOnGpu = "cuda",
                           kOnEmulator = "cuda_emulated";

// What a case says of storage.
std::string WordsOf(Precision precision, const LossScaling& scaling) {
  if (precision == Precision::kFloat32) return {};
  const LossScaling usual = scaling.dynamic ? kDynamicScaling : LossScaling{};
  std::string words = fmt::format("{}_{}", NameOf(precision), scaling.dynamic ? "dynamic_" : "");
  if (scaling.exponent != usual.exponent) words += fmt::format("scale{}", scaling.exponent);
  if (scaling.interval != usual.interval) words += fmt::format("interval{}", scaling.interval);
  return words;
}

TrainingData DataFor(const Recipe& recipe, const Case& c) {
  const TrainSettings settings = TrainSettingsOf(c);
  return recipe.make == nullptr ? ImageData(TrainDataOf(c), recipe, settings)
                                : MadeData(recipe, settings.seeds);
}

// The training samples, then those of the test, as they are kept.
std::vector<Tensor> Inputs(const TrainingData& data) {
  std::vector<Tensor> tensors = data.train->Tensors();
  if (data.test != nullptr) {
    for (Tensor& tensor : data.test->Tensors()) tensors.push_back(std::move(tensor));
  }
  return tensors;
}

template <const std::string_view& recipe>
void Fill(const Case& c, int index, const Tensor& tensor, std::byte* bytes) {
  const TrainingData data = DataFor(FindRecipe(recipe), c);
  std::vector<const void*> sources = data.train->Bytes();
  if (data.test != nullptr) {
    for (const void* source : data.test->Bytes()) sources.push_back(source);
  }
  std::memcpy(bytes, sources[static_cast<std::size_t>(index)], tensor.Bytes());
}

template <const std::string_view& recipe>
Signature TrainSignature(const Case& c) {
  const Recipe& of = FindRecipe(recipe);
  const TrainingData data = DataFor(of, c);
  const TrainPlan plan = PlanOf(TrainSettingsOf(c), data);
  const std::int64_t keys =
      (of.objective == Objective::kValue ? 1 : 2) * (data.test == nullptr ? 1 : 2);
  return {Inputs(data),
          {{"steps", kUint8, {plan.steps, kStepBytes}},
           {"history", kFloat32, {plan.steps / plan.steps_per_epoch, keys}}}};
}

template <const std::string_view& recipe, const std::string_view& kernels>
void TrainWith(const Case& c, const Buffers& buffers, Team& team) {
  const Recipe& of = FindRecipe(recipe);
  const TrainResult result =
      Train(of, TrainSettingsOf(c), DataFor(of, c), KernelSet(kernels), team);
  const std::vector<std::uint8_t> steps = StepsOutput(result.steps);
  const std::vector<float> history = HistoryOutput(result.history);
  std::ranges::copy(steps, buffers.out<std::uint8_t>(0));
  std::ranges::copy(history, buffers.out(1));
}

Signature PredictSignature(const Case& c) {
  return {Inputs(DataFor(FindRecipe(kMlpBinary), c)), {{"y", kFloat32, {1, 1}}}};
}

template <const std::string_view& kernels>
void PredictWith(const Case& c, const Buffers& buffers, Team& team) {
  *buffers.out(0) = Predict(FindRecipe(kMlpBinary), TrainSettingsOf(c), KernelSet(kernels), team);
}

// Other leaves, with fewer samples than leaves; and what is stored in full.
constexpr std::string_view kCases[] = {"builtin_steps3b9v16", "builtin_steps30b64",
                                       "builtin_tensorflow_steps5b16", "builtin_bfloat16_steps30b8",
                                       "builtin_float16_steps30b8",
                                       // The scale falls at once, and rises again and again.
                                       "builtin_float16_dynamic_scale24interval4steps30b8"};
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
      default:
        break;
    }
    if (layer.units > 0) channels = layer.units;
  }
  const auto steps = static_cast<double>(PlanOf(TrainSettingsOf(c), DataFor(CnnRecipe(), c)).steps);
  return steps * static_cast<double>(c.Get("b")) * sum;
}

constexpr std::string_view kPageCases[] = {"builtin_steps3b9", "builtin_tensorflow_steps5b16"};
constexpr std::string_view kSequenceCases[] = {"steps3b4v4", "steps100b9"};
constexpr std::string_view kEmbeddingCases[] = {"steps3b9v16", "steps40b64"};
constexpr std::string_view kRnnCases[] = {"steps3b9v16", "steps20b64", "tensorflow_steps4b17"};
constexpr std::string_view kBinaryCases[] = {"tensorflow_steps0b1", "steps0b1"};

constexpr auto kAll = Claim::kEverywhere;

const Kernel kRows[] = {
    {&kTrainCnn, kReference, &kCpu, kAll, TrainWith<kCnn, kReference>},
    {&kTrainCnn, kPortable, &kCpu, kAll, TrainWith<kCnn, kPortable>},
    {&kTrainCnn, kAvx2, &kCpuAvx2, kAll, TrainWith<kCnn, kAvx2>},
    {&kTrainCnn, kAvx512, &kCpuAvx512, kAll, TrainWith<kCnn, kAvx512>},
    {&kTrainCnn, kNeon, &kCpuNeon, kAll, TrainWith<kCnn, kNeon>},
    {&kTrainCnn, kOnGpu, &kCuda, kAll, TrainWith<kCnn, kOnGpu>},
    {&kTrainCnn, kOnEmulator, &kCudaEmulated, kAll, TrainWith<kCnn, kOnEmulator>},

    {&kTrainKerasPage, kReference, &kCpu, kAll, TrainWith<kPage, kReference>},
    {&kTrainKerasPage, kPortable, &kCpu, kAll, TrainWith<kPage, kPortable>},
    {&kTrainKerasPage, kAvx2, &kCpuAvx2, kAll, TrainWith<kPage, kAvx2>},
    {&kTrainKerasPage, kAvx512, &kCpuAvx512, kAll, TrainWith<kPage, kAvx512>},
    {&kTrainKerasPage, kNeon, &kCpuNeon, kAll, TrainWith<kPage, kNeon>},
    {&kTrainKerasPage, kOnGpu, &kCuda, kAll, TrainWith<kPage, kOnGpu>},
    {&kTrainKerasPage, kOnEmulator, &kCudaEmulated, kAll, TrainWith<kPage, kOnEmulator>},

    {&kTrainMlpSequence, kReference, &kCpu, kAll, TrainWith<kMlpSequence, kReference>},
    {&kTrainMlpSequence, kPortable, &kCpu, kAll, TrainWith<kMlpSequence, kPortable>},
    {&kTrainMlpSequence, kAvx2, &kCpuAvx2, kAll, TrainWith<kMlpSequence, kAvx2>},
    {&kTrainMlpSequence, kAvx512, &kCpuAvx512, kAll, TrainWith<kMlpSequence, kAvx512>},
    {&kTrainMlpSequence, kNeon, &kCpuNeon, kAll, TrainWith<kMlpSequence, kNeon>},
    {&kTrainMlpSequence, kOnGpu, &kCuda, kAll, TrainWith<kMlpSequence, kOnGpu>},
    {&kTrainMlpSequence, kOnEmulator, &kCudaEmulated, kAll, TrainWith<kMlpSequence, kOnEmulator>},

    {&kPredictMlpBinary, kReference, &kCpu, kAll, PredictWith<kReference>},
    {&kPredictMlpBinary, kPortable, &kCpu, kAll, PredictWith<kPortable>},
    {&kPredictMlpBinary, kAvx2, &kCpuAvx2, kAll, PredictWith<kAvx2>},
    {&kPredictMlpBinary, kAvx512, &kCpuAvx512, kAll, PredictWith<kAvx512>},
    {&kPredictMlpBinary, kNeon, &kCpuNeon, kAll, PredictWith<kNeon>},
    {&kPredictMlpBinary, kOnGpu, &kCuda, kAll, PredictWith<kOnGpu>},
    {&kPredictMlpBinary, kOnEmulator, &kCudaEmulated, kAll, PredictWith<kOnEmulator>},

    {&kTrainEmbedding, kReference, &kCpu, kAll, TrainWith<kEmbedding, kReference>},
    {&kTrainEmbedding, kPortable, &kCpu, kAll, TrainWith<kEmbedding, kPortable>},
    {&kTrainEmbedding, kAvx2, &kCpuAvx2, kAll, TrainWith<kEmbedding, kAvx2>},
    {&kTrainEmbedding, kAvx512, &kCpuAvx512, kAll, TrainWith<kEmbedding, kAvx512>},
    {&kTrainEmbedding, kNeon, &kCpuNeon, kAll, TrainWith<kEmbedding, kNeon>},
    {&kTrainEmbedding, kOnGpu, &kCuda, kAll, TrainWith<kEmbedding, kOnGpu>},
    {&kTrainEmbedding, kOnEmulator, &kCudaEmulated, kAll, TrainWith<kEmbedding, kOnEmulator>},

    {&kTrainRnn, kReference, &kCpu, kAll, TrainWith<kRnn, kReference>},
    {&kTrainRnn, kPortable, &kCpu, kAll, TrainWith<kRnn, kPortable>},
    {&kTrainRnn, kAvx2, &kCpuAvx2, kAll, TrainWith<kRnn, kAvx2>},
    {&kTrainRnn, kAvx512, &kCpuAvx512, kAll, TrainWith<kRnn, kAvx512>},
    {&kTrainRnn, kNeon, &kCpuNeon, kAll, TrainWith<kRnn, kNeon>},
    {&kTrainRnn, kOnGpu, &kCuda, kAll, TrainWith<kRnn, kOnGpu>},
    {&kTrainRnn, kOnEmulator, &kCudaEmulated, kAll, TrainWith<kRnn, kOnEmulator>},
};

}  // namespace

const Op kTrainCnn{
    .name = "train_cnn_v1",
    .order = "the recipe CNN's operations, step after step",
    .cases = kCases,
    .timed_cases = kTimed,
    .signature = TrainSignature<kCnn>,
    .fill = Fill<kCnn>,
    .flops = Flops,
    .has_pipeline = true,
};

const Op kTrainKerasPage{
    .name = "train_keras_page_v1",
    .order = "the recipe CNN's operations, step after step",
    .cases = kPageCases,
    .timed_cases = {},
    .signature = TrainSignature<kPage>,
    .fill = Fill<kPage>,
    .flops = nullptr,
    .has_pipeline = true,
};

const Op kTrainMlpSequence{
    .name = "train_mlp_sequence_v1",
    .order = "the recipe's operations, step after step",
    .cases = kSequenceCases,
    .timed_cases = {},
    .signature = TrainSignature<kMlpSequence>,
    .fill = Fill<kMlpSequence>,
    .flops = nullptr,
};

const Op kTrainEmbedding{
    .name = "train_embedding_v1",
    .order = "the recipe's operations, step after step",
    .cases = kEmbeddingCases,
    .timed_cases = {},
    .signature = TrainSignature<kEmbedding>,
    .fill = Fill<kEmbedding>,
    .flops = nullptr,
};

const Op kTrainRnn{
    .name = "train_rnn_v1",
    .order = "the recipe's operations, step after step",
    .cases = kRnnCases,
    .timed_cases = {},
    .signature = TrainSignature<kRnn>,
    .fill = Fill<kRnn>,
    .flops = nullptr,
};

const Op kPredictMlpBinary{
    .name = "predict_mlp_binary_v1",
    .order = "the recipe's operations, and a sigmoid",
    .cases = kBinaryCases,
    .timed_cases = {},
    .signature = PredictSignature,
    .fill = Fill<kMlpBinary>,
    .flops = nullptr,
};

TrainingData MadeData(const Recipe& recipe, const GlobalSeeds& seeds) {
  RandomSources sources(seeds);
  return recipe.make(sources);
}

const Op& TrainOp(const Recipe& recipe) {
  constexpr struct {
    std::string_view recipe;
    const Op* op;
  } kOps[] = {{kCnn, &kTrainCnn},
              {kPage, &kTrainKerasPage},
              {kMlpSequence, &kTrainMlpSequence},
              {kMlpBinary, &kPredictMlpBinary},
              {kEmbedding, &kTrainEmbedding},
              {kRnn, &kTrainRnn}};
  return *std::ranges::find(kOps, recipe.name, [](const auto& row) { return row.recipe; })->op;
}

std::string TrainCaseId(std::string_view data, const TrainSettings& settings) {
  const std::string length = settings.steps >= 0 ? fmt::format("steps{}", settings.steps)
                                                 : fmt::format("epochs{}", settings.epochs);
  const std::string leaves = settings.leaves == kLeaves ? "" : fmt::format("v{}", settings.leaves);
  const char* const stream = settings.stream == &kKerasTensorflow ? "tensorflow_" : "";
  const std::string precision = WordsOf(settings.precision, settings.loss_scaling);
  return fmt::format("{}{}{}{}b{}{}_seed{}", data == "made" ? "" : fmt::format("{}_", data), stream,
                     precision, length, settings.batch, leaves, settings.seeds.backend);
}

float Predict(const Recipe& recipe, const TrainSettings& settings, const KernelSet& kernels,
              Team& team) {
  RandomSources sources(settings.seeds);
  const TrainingData data = recipe.make(sources);
  Network network(recipe, *settings.stream, sources, Division(settings.leaves), 1, kernels, team);
  const std::unique_ptr<RowStream> one = data.train->InOrder({0}, {1});
  const float logit = network.Predict(*one->Next())[0];
  float probability;
  kernels.Run(activation::kSigmoidForward, Case::Parse("n1"), {{&logit}, {&probability}}, team);
  return probability;
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
    for (const auto* list :
         {&history.loss, &history.accuracy, &history.val_loss, &history.val_accuracy}) {
      if (!list->empty()) values.push_back((*list)[epoch]);
    }
  }
  return values;
}

std::filesystem::path BuiltinDataDirectory() { return GoldenFolder() / "data"; }

std::filesystem::path InstalledFashionMnistDirectory() {
  const std::filesystem::path own = InstalledFolder() / "fashion-mnist";
  std::error_code unknown;
  return std::filesystem::is_directory(own, unknown) ? own : "/usr/share/datasets/fashion-mnist";
}

}  // namespace samebits

std::span<const samebits::Kernel> samebits::rows::Training() { return kRows; }
