// A recipe's network: weights, one training step, inference. Every bit comes from kernels of
// operations; between them only memory is handed on.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernels/core/team.h"
#include "model/data/npy.h"
#include "model/kernel_set.h"
#include "model/precision.h"
#include "model/recipe.h"
#include "model/simple_rnn.h"
#include "model/streams/seeds.h"
#include "model/streams/stream.h"

namespace samebits {

struct BatchResult {
  float loss;         // mean over the batch
  std::int64_t hits;  // samples that Objective calls a hit
};

// What a step reads of the steps before it.
struct NetworkState {
  std::vector<float> weights, first_moments, second_moments;  // in layer order
  std::int64_t steps = 0;                                     // done
};

class Network {
 public:
  // Weights as Keras makes them: behind what the recipe draws before, each layer draws its seed
  // from `sources` in the order of the layers, kernels Glorot uniform, recurrent ones orthogonal,
  // tables uniform in [-0.05, 0.05), biases 0; weights and dropout masks from `stream`. A batch is
  // summed as so many leaves, a power of two. `most` is the largest batch.
  Network(const Recipe& recipe, const Stream& stream, RandomSources& sources, int leaves, int most,
          const KernelSet& kernels, Team& team, Precision precision = Precision::kFloat32);

  // Forward, loss, backward, one step of Adam. Images are NHWC.
  BatchResult TrainStep(const Rows& rows);

  // Forward without dropout, and the loss.
  BatchResult Evaluate(const Rows& rows);

  // Forward without dropout: the outputs of the last layer, [size, outputs].
  const float* Predict(const Rows& rows) { return Forward(rows, false); }

  const NetworkState& state() const { return state_; }
  // Goes on from there. Throws UserError when it is that of another network.
  void Restore(NetworkState state);

  // SHA-256 over all weights in layer order, each row-major, little-endian.
  std::string WeightsDigest() const;

  // w0, w1, ...: kernel, recurrent kernel and bias of each layer that has them.
  std::vector<NamedArray> Weights() const;

 private:
  struct Parameter {
    std::vector<std::int64_t> shape;
    std::int64_t offset, elements;  // in the state's weights
  };

  // One layer at work: what its shape is, where its output lies.
  struct Node {
    Layer layer;
    std::int64_t h, w, c;                        // input
    std::int64_t oh, ow, oc;                     // output
    std::uint32_t draw = 0;                      // of dropout
    int kernel = -1, bias = -1, recurrent = -1;  // indices of parameters_
    std::vector<float> output = {};
    std::optional<SimpleRnn> rnn = {};
  };

  // The cases of all nodes for one batch size.
  struct Cases {
    std::vector<Case> forward, plain;  // per node; plain: the elementwise part, for relu backward
    Case loss, adam;
  };

  const Cases& CasesOf(int batch);
  const float* Forward(const Rows& rows, bool training);
  // Leaves the gradient of `outputs` in gradient_, but of classes their probabilities.
  // What a case of dropout names the stream by.
  std::string_view DropoutWord() const;
  // Rounds values as they are stored: narrows them times 2^up, and widens them times 2^-down.
  void Store(float* values, std::int64_t count, int up = 0, int down = 0);
  // What the first layer sees.
  const float* Inputs(const Rows& rows);
  BatchResult Loss(const float* outputs, const Rows& rows);
  void Backward(const Rows& rows);
  void Apply(const Op& op, const Case& c, const Buffers& buffers);

  // As the layers see them.
  float* WeightsOf(int parameter) {
    return (seen_.empty() ? state_.weights : seen_).data() + At(parameter).offset;
  }
  float* GradientsOf(int parameter) { return gradients_.data() + At(parameter).offset; }
  const Parameter& At(int parameter) const {
    return parameters_[static_cast<std::size_t>(parameter)];
  }

  const Objective objective_;
  const KernelSet& kernels_;
  Team& team_;
  const Stream& stream_;
  const int leaves_;
  const Precision precision_;
  std::vector<Node> nodes_;
  std::vector<Parameter> parameters_;
  NetworkState state_;
  std::vector<float> gradients_;
  std::vector<float> probabilities_;
  std::vector<float> gradient_, next_gradient_;  // of the output at hand, taking turns
  std::map<int, Cases> cases_;
  // Below binary32: the weights and inputs of this step as they are stored, and room for storing.
  std::vector<float> seen_, inputs_;
  std::vector<std::uint16_t> stored_;
};

}  // namespace samebits
