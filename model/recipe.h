// Recipes: a network as a list of layers, and what it is trained on.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace samebits {

enum class LayerKind : std::uint8_t { kConv2d, kMaxPool, kDropout, kGlobalAveragePool, kDense };

struct Layer {
  LayerKind kind;
  int units = 0;      // output channels of conv2d and dense
  int window = 0;     // rows and columns of a filter or a pooling window
  int rate = 0;       // of dropout, in millionths
  bool relu = false;  // of conv2d and dense

  bool HasWeights() const { return kind == LayerKind::kConv2d || kind == LayerKind::kDense; }
  // Keras draws a seed for it when it is constructed.
  bool HasSeed() const { return HasWeights() || kind == LayerKind::kDropout; }
};

struct Recipe {
  std::string_view name;
  int height, width, channels;  // of the images, after resizing
  int classes;
  std::span<const Layer> layers;  // the last one gives the logits
};

// The CNN of Keras' reproducibility recipe: conv 3x3 relu (32), max pool, dropout .2, twice; conv
// 3x3 relu (32), global average pool, dense 64 relu, dropout .2, dense 10; softmax cross-entropy.
const Recipe& CnnRecipe();

// Throws UserError, listing the recipes there are, when none has the name.
const Recipe& FindRecipe(std::string_view name);

}  // namespace samebits
