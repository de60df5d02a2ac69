#include "model/recipe.h"

#include <cmath>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kernels/core/error.h"

namespace samebits {
namespace {

using enum LayerKind;

constexpr int kFifth = 200000;

constexpr Layer kCnnLayers[] = {
    {.kind = kConv2d, .units = 32, .window = 3, .relu = true},
    {.kind = kMaxPool, .window = 2},
    {.kind = kDropout, .rate = kFifth},
    {.kind = kConv2d, .units = 32, .window = 3, .relu = true},
    {.kind = kMaxPool, .window = 2},
    {.kind = kDropout, .rate = kFifth},
    {.kind = kConv2d, .units = 32, .window = 3, .relu = true},
    {.kind = kGlobalAveragePool},
    {.kind = kDense, .units = 64, .relu = true},
    {.kind = kDropout, .rate = kFifth},
    {.kind = kDense, .units = 10},
};

constexpr Layer kSequenceLayers[] = {
    {.kind = kDense, .units = 10},
    {.kind = kDense, .units = 1},
};

constexpr Layer kBinaryLayers[] = {
    {.kind = kDense, .units = 10, .relu = true},
    {.kind = kDense, .units = 1},
};

constexpr int kVocabulary = 1000, kTokens = 20, kSequences = 4096;

constexpr Layer kEmbeddingLayers[] = {
    {.kind = kEmbedding, .units = 16, .rows = kVocabulary},
    {.kind = kGlobalAveragePool},
    {.kind = kDense, .units = 16, .relu = true},
    {.kind = kDense, .units = 1},
};

constexpr Layer kRnnLayers[] = {
    {.kind = kEmbedding, .units = 16, .rows = kVocabulary},
    {.kind = kSimpleRnn, .units = 16, .rate = kFifth, .recurrent_rate = kFifth},
    {.kind = kDense, .units = 1},
};

// 0.0, 0.1, ... 0.8, and behind each the next.
TrainingData Sequence(RandomSources&) {
  Table<float, float> table;
  for (int i = 0; i < 9; ++i) {
    table.x.push_back(static_cast<float>(i / 10.0));
    table.targets.push_back(static_cast<float>((i + 1) / 10.0));
  }
  return {TableSamples(std::move(table)), nullptr};
}

// numpy.random.rand(5): one sample. Its target is never looked at.
TrainingData FiveInputs(RandomSources& sources) {
  Table<float, float> table{.features = 5, .outputs = 1, .x = {}, .targets = {0.0f}};
  for (int i = 0; i < 5; ++i) table.x.push_back(static_cast<float>(sources.NextNumpy()));
  return {TableSamples(std::move(table)), nullptr};
}

std::unique_ptr<const Samples> Tokens(RandomSources& sources, int sequences) {
  Table<std::int32_t, float> table{.features = kTokens, .outputs = 1, .x = {}, .targets = {}};
  for (int n = 0; n < sequences; ++n) {
    int low = 0;
    for (int i = 0; i < kTokens; ++i) {
      const auto token = static_cast<std::int32_t>(std::floor(sources.NextNumpy() * kVocabulary));
      table.x.push_back(token);
      low += token < kVocabulary / 2;
    }
    table.targets.push_back(2 * low > kTokens ? 1.0f : 0.0f);
  }
  return TableSamples(std::move(table));
}

TrainingData TokenSequences(RandomSources& sources) {
  std::unique_ptr<const Samples> train = Tokens(sources, kSequences);
  return {std::move(train), Tokens(sources, kSequences / 8)};
}

constexpr Recipe kRecipes[] = {
    {.name = "cnn", .height = 32, .width = 32, .channels = 1, .outputs = 10, .layers = kCnnLayers},
    {.name = "keras-page",
     .height = 32,
     .width = 32,
     .channels = 1,
     .outputs = 10,
     .layers = kCnnLayers,
     .drawn_before = 2},
    {.name = "mlp-sequence",
     .height = 1,
     .width = 1,
     .channels = 1,
     .outputs = 1,
     .layers = kSequenceLayers,
     .objective = Objective::kValue,
     .make = Sequence,
     .shuffled = false,
     .batch = 9,
     .epochs = 100},
    {.name = "mlp-binary",
     .height = 1,
     .width = 1,
     .channels = 5,
     .outputs = 1,
     .layers = kBinaryLayers,
     .objective = Objective::kBinary,
     .make = FiveInputs,
     .shuffled = false,
     .batch = 1,
     .epochs = 0},
    {.name = "embedding",
     .height = kTokens,
     .width = 1,
     .channels = 1,
     .outputs = 1,
     .layers = kEmbeddingLayers,
     .objective = Objective::kBinary,
     .make = TokenSequences},
    {.name = "rnn",
     .height = kTokens,
     .width = 1,
     .channels = 1,
     .outputs = 1,
     .layers = kRnnLayers,
     .objective = Objective::kBinary,
     .make = TokenSequences},
};

}  // namespace

std::span<const Recipe> AllRecipes() { return kRecipes; }

const Recipe& CnnRecipe() { return kRecipes[0]; }

const Recipe& FindRecipe(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Recipe& recipe : kRecipes) {
    if (recipe.name == name) return recipe;
    names.push_back(recipe.name);
  }
  throw UserError(
      fmt::format("recipe '{}' is not known; there are: {}", name, fmt::join(names, ", ")));
}

}  // namespace samebits
