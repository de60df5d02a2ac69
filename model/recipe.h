// Recipes: a network as a list of layers, what it learns, and what it learns from.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "model/data/samples.h"
#include "model/streams/seeds.h"

namespace samebits {

enum class LayerKind : std::uint8_t {
  kConv2d,
  kMaxPool,
  kDropout,
  kGlobalAveragePool,
  kDense,
  kEmbedding,
  kSimpleRnn
};

struct Layer {
  LayerKind kind;
  int units = 0;           // output channels of conv2d, dense, embedding and simple_rnn
  int window = 0;          // rows and columns of a filter or a pooling window
  int rate = 0;            // of dropout, of simple_rnn on its inputs, in millionths
  int recurrent_rate = 0;  // of simple_rnn on its states, in millionths
  int rows = 0;            // of an embedding's table
  bool relu = false;       // of conv2d and dense

  bool HasWeights() const {
    return kind == LayerKind::kConv2d || kind == LayerKind::kDense ||
           kind == LayerKind::kEmbedding || kind == LayerKind::kSimpleRnn;
  }
  // Keras draws a seed for it when it is constructed, or several.
  bool HasSeed() const { return HasWeights() || kind == LayerKind::kDropout; }
};

// What the last layer's outputs are, and how they are judged.
enum class Objective : std::uint8_t {
  kClasses,  // logits, softmax cross-entropy; a hit: the largest is that of the class
  kBinary,   // a logit, binary cross-entropy; a hit: positive for 1, else for 0
  kValue     // a value, mean squared error; no hits
};

struct TrainingData {
  std::unique_ptr<const Samples> train, test;  // no test: nothing is validated
};

struct Recipe {
  std::string_view name;
  int height, width, channels;  // of a sample; of ids the height is their number
  int outputs;
  std::span<const Layer> layers;  // the last one gives the outputs
  Objective objective = Objective::kClasses;
  // The data that the recipe makes itself, from NumPy's generator; null: it takes images.
  TrainingData (*make)(RandomSources& sources) = nullptr;
  bool shuffled = true;  // else every epoch has the samples as they come
  int batch = 64, epochs = 2;
  int drawn_before = 0;  // layer seeds that the program draws for objects made before its network
};

// The CNN of Keras' reproducibility recipe: conv 3x3 relu (32), max pool, dropout .2, twice; conv
// 3x3 relu (32), global average pool, dense 64 relu, dropout .2, dense 10; softmax cross-entropy.
const Recipe& CnnRecipe();

// All there are: cnn; keras-page (the same, built as the published page does, after two
// initializers without seeds); mlp-sequence (dense 10, dense 1, mean squared error: predicts the
// next of 0.0, 0.1, ... 0.9); mlp-binary (dense 10 relu, dense 1; five inputs of NumPy's, no
// training); embedding (1,000 words, 16 channels, their average, dense 16 relu, dense 1, binary
// cross-entropy: whether more than half of 20 tokens are of the vocabulary's first half); rnn (the
// same words and question, 16 channels, simple RNN 16 with dropout .2 on inputs and states, dense
// 1).
std::span<const Recipe> AllRecipes();

// Throws UserError, listing the recipes there are, when none has the name.
const Recipe& FindRecipe(std::string_view name);

}  // namespace samebits
