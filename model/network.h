// A recipe's network: weights, one training step, inference. Every bit comes from kernels of
// operations; between them only memory is handed on.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernels/core/team.h"
#include "kernels/cuda/session.h"
#include "model/data/npy.h"
#include "model/data/samples.h"
#include "model/division.h"
#include "model/gradient_sums.h"
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
  std::int64_t updates = 0;                                   // by Adam: those not skipped
  std::int64_t evaluated = 0;                                 // batches
  LossScale scale = {};                                       // of the next step
};

class Network {
 public:
  // Weights as Keras makes them: behind what the recipe draws before, each layer draws its seed
  // from `sources` in the order of the layers, kernels Glorot uniform, recurrent ones orthogonal,
  // tables uniform in [-0.05, 0.05), biases 0; weights and dropout masks from `stream`. Of a batch
  // this network has what `division` says. `most` is the largest batch. The scaling is that of
  // gradients in binary16.
  Network(const Recipe& recipe, const Stream& stream, RandomSources& sources,
          const Division& division, int most, const KernelSet& kernels, Team& team,
          Precision precision = Precision::kFloat32, const LossScaling& scaling = {},
          const RankSettings& ranks = {});

  // Forward, loss, backward, one step of Adam, unless the loss scaling skips it. The rows of each
  // turn come from the stream. Images are NHWC.
  BatchResult TrainStep(int batch, RowStream& rows);

  // Forward without dropout, and the loss.
  BatchResult Evaluate(int batch, RowStream& rows);

  // Forward without dropout: the outputs of the last layer, [size, outputs].
  const float* Predict(const Rows& rows);

  const NetworkState& state() const;
  // Goes on from there. Throws UserError when it is that of another network.
  void Restore(NetworkState state);

  // SHA-256 over all weights in layer order, each row-major, little-endian.
  std::string WeightsDigest() const;

  // SHA-256 of each tensor, in the order of Weights().
  std::vector<std::string> WeightDigests() const;
  std::vector<std::string> GradientDigests() const;  // of the last step, summed over all ranks
  // Of the sums that this rank put into those, where they were asked for before the step.
  void DigestNextShare() { sums_->DigestNextShare(); }
  const std::vector<std::string>& ShareDigests() const { return sums_->ShareDigests(); }
  // The same without a step, and without other ranks.
  std::vector<std::string> DigestsOfShare(int batch, RowStream& rows);

  // Flips a bit of this rank's gradient of a tensor in the next step: a fault, to test what finds
  // it.
  void FlipGradientBit(int tensor) { sums_->FlipBit(tensor); }

  // How many passes, or parts of them, were launched as a graph of a device.
  std::int64_t graphs_launched() const {
    return session_ == nullptr ? 0 : session_->graphs_launched();
  }

  // w0, w1, ...: kernel, recurrent kernel and bias of each layer that has them.
  std::vector<NamedArray> Weights() const;

 private:
  // One layer at work: what its shape is, where its output lies.
  struct Node {
    Layer layer;
    std::int64_t h, w, c;                        // input
    std::int64_t oh, ow, oc;                     // output
    std::uint32_t draw = 0;                      // of dropout
    int kernel = -1, bias = -1, recurrent = -1;  // indices of parameters
    std::vector<float> output = {};
    std::optional<SimpleRnn> rnn = {};
  };

  // The cases of all nodes for one slice.
  struct Cases {
    std::vector<Case> forward, plain;  // per node; plain: the elementwise part, for relu backward
    Case loss;
  };

  const Cases& CasesOf(const Slice& slice);
  // What a pass over a batch is for: its loss; the gradients, too; and a step with them.
  enum class Aim : std::uint8_t { kLoss, kGradients, kStep };
  // Of a batch, turn by turn: forward and loss, and if it trains, backward.
  BatchResult Pass(int batch, RowStream& rows, Aim aim);
  void Update();
  const float* Forward(const Rows& rows, const Slice& slice, bool training);
  // Leaves the gradient of `outputs` in gradient_, but of classes their probabilities. Adds a sum
  // of losses for each subtree to losses_.
  void Loss(const float* outputs, const Rows& rows, const Share& share, int batch);
  std::int64_t Hits(const Rows& rows) const;
  void Backward(const Rows& rows, const Share& share, const Slice& slice);
  // The gradient of a parameter by `op`, from x, if it takes one, and the gradient of the output.
  void SumGradient(const Op& op, const Share& share, const Slice& slice, const SampleRows& x,
                   const SampleRows& dy, int parameter, const CaseOfLeaves& case_of);
  std::vector<std::string> DigestsOf(const std::vector<float>& values) const;
  // The loss and hits of the batch, from those of all subtrees.
  BatchResult Meet(int batch, std::int64_t hits);
  // What a case of dropout names the stream by.
  std::string_view DropoutWord() const;
  // Rounds values as they are stored: narrows them times 2^up, and widens them times 2^-down.
  void Store(const float* from, float* to, std::int64_t count, int up = 0, int down = 0);
  // Where there is a device, it gets the rows while it is at work. Null: none.
  void Prefetch(const Rows* rows);
  // What the first layer sees.
  const float* Inputs(const Rows& rows);
  void Apply(const Op& op, const Case& c, const Buffers& buffers);
  // Where kernels run on a device: what they read and write stays there.
  void OpenSession();
  // Before the host reads what kernels wrote, and behind what it writes itself.
  template <class T>
  void Fetch(const std::vector<T>& values) const {
    if (session_ != nullptr && !values.empty()) session_->Read(values.data());
  }
  template <class T>
  void Put(const std::vector<T>& values) const {
    if (session_ != nullptr) session_->Wrote(values.data());
  }

  // As the layers see them.
  float* WeightsOf(int parameter) {
    return (seen_.empty() ? state_.weights : seen_).data() + sums_->At(parameter).offset;
  }

  const Objective objective_;
  const KernelSet& kernels_;
  Team& team_;
  const Stream& stream_;
  const Division division_;
  const Precision precision_;
  const LossScaling scaling_;
  std::vector<Node> nodes_;
  NetworkState state_;
  std::optional<GradientSums> sums_;  // made with the layers
  std::vector<float> probabilities_;
  std::vector<float> gradient_, next_gradient_;  // of the output at hand, taking turns
  std::map<Slice, Cases> cases_;
  Case adam_;
  // Below binary32: the weights and inputs of this step as they are stored, and room for storing.
  std::vector<float> seen_, inputs_;
  std::vector<std::uint16_t> stored_;

  std::vector<float> losses_;               // of the subtrees so far
  std::unique_ptr<DeviceSession> session_;  // null where there is none
};

}  // namespace samebits
