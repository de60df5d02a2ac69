// The layers of a network at work on some samples of a batch. Every bit comes from kernels of
// operations; between them only memory is handed on.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "kernels/core/team.h"
#include "kernels/cuda/session.h"
#include "model/data/samples.h"
#include "model/division.h"
#include "model/gradient_sums.h"
#include "model/kernel_set.h"
#include "model/precision.h"
#include "model/recipe.h"
#include "model/simple_rnn.h"
#include "model/streams/stream.h"

namespace samebits {

// What a step reads of the steps before it.
struct NetworkState {
  std::vector<float> weights, first_moments, second_moments;  // in layer order
  std::int64_t steps = 0;                                     // done
  std::int64_t updates = 0;                                   // by Adam: those not skipped
  std::int64_t evaluated = 0;                                 // batches
  LossScale scale = {};                                       // of the next step
};

// A layer, with its shapes, and where its weights lie.
struct Node {
  Layer layer;
  std::int64_t h, w, c;                        // input
  std::int64_t oh, ow, oc;                     // output
  std::uint32_t draw = 0;                      // of dropout
  int kernel = -1, bias = -1, recurrent = -1;  // indices of parameters

  std::int64_t InputElements() const { return h * w * c; }
  std::int64_t OutputElements() const { return oh * ow * oc; }
};

// What the layers of a network share.
struct NetworkPlan {
  Objective objective;
  const Stream* stream;  // of dropout masks
  Precision precision;
  std::int64_t leaves;  // of a batch
  std::vector<Node> nodes = {};
  std::vector<Parameter> parameters = {};

  // Elements of a sample, each of four bytes: what the first layer takes, and what it should give.
  std::int64_t InputWidth() const { return nodes.front().InputElements(); }
  std::int64_t TargetWidth() const {
    return objective == Objective::kClasses ? 1 : nodes.back().oc;
  }
  std::int64_t LargestOutput() const;  // of a sample
  // What a case of dropout names the stream by.
  std::string_view DropoutWord() const;
};

// Runs an operation of a network on its kernels: on a device, where a session is given.
class Runner {
 public:
  Runner(const KernelSet& kernels, Team& team) : kernels_(kernels), team_(team) {}
  void Use(DeviceSession* session) { session_ = session; }
  DeviceSession* session() const { return session_; }
  void Apply(const Op& op, const Case& c, const Buffers& buffers) const;

  // Rounds values as they are stored: narrows them times 2^up, and widens them times 2^-down.
  // `stored` has room for them; binary32 is left as it is.
  void Store(Precision precision, const float* from, float* to, std::int64_t count,
             std::vector<std::uint16_t>& stored, int up = 0, int down = 0) const;

 private:
  const KernelSet& kernels_;
  Team& team_;
  DeviceSession* session_ = nullptr;  // null where there is none
};

// The masks of the dropout layers for a turn of a batch, drawn once for forward and backward, and
// whatever the parts: a word of the stream keras-jax costs as much as two that lie half a batch
// apart.
class DropoutMasks {
 public:
  // For so many samples at most.
  DropoutMasks(const NetworkPlan& plan, std::int64_t samples);
  void KeepIn(DeviceSession& session);

  // Of the slice's samples, behind so many steps.
  void Draw(const Slice& slice, std::int64_t steps, const Runner& runner);
  // That of a node from a sample of the batch on.
  const std::uint8_t* Of(std::size_t node, std::int64_t sample) const;

 private:
  const NetworkPlan& plan_;
  std::int64_t first_ = 0;                        // sample that was drawn for
  std::vector<std::vector<std::uint8_t>> masks_;  // of each node
  std::map<Slice, std::vector<Case>> cases_;      // of each node
};

class Layers {
 public:
  // For so many samples at most. `weights` are those that the layers see. All are the network's.
  Layers(const NetworkPlan& plan, const NetworkState& state, const float* weights,
         const DropoutMasks& masks, const KernelSet& kernels, Team& team, int samples);

  int samples() const { return samples_; }

  // Keeps what lies between the kernels on the device where they run.
  void KeepIn(DeviceSession& session);

  // The outputs of the last layer, [samples, outputs].
  const float* Forward(const Rows& rows, const Slice& slice, bool training);
  // Of these outputs, over the samples of a subtree: the slice's.
  void Loss(const float* outputs, const Rows& rows, const Slice& slice, const Subtree& subtree,
            float* loss);
  // Samples that Objective calls a hit.
  std::int64_t Hits(const Rows& rows) const;
  // After Forward and Loss: the gradients of one of the share's subtrees, the slice's. Where no
  // other one is to come, those of each layer are reduced while the next ones are computed.
  void Backward(const Rows& rows, const Slice& slice, const Share& share, std::size_t subtree,
                GradientSums& sums, bool reduces);

 private:
  // The cases of all nodes for one slice.
  struct Cases {
    std::vector<Case> forward, plain;  // per node; plain: the elementwise part, for relu backward
    Case loss;
  };

  const Cases& CasesOf(const Slice& slice);
  void Apply(const Op& op, const Case& c, const Buffers& buffers) { runner_.Apply(op, c, buffers); }
  void Store(const float* from, float* to, std::int64_t count, int up = 0, int down = 0) {
    runner_.Store(plan_.precision, from, to, count, stored_, up, down);
  }
  // What the first layer sees.
  const float* Inputs(const Rows& rows);
  const float* WeightsOf(int parameter) const {
    return weights_ + plan_.parameters[static_cast<std::size_t>(parameter)].offset;
  }
  // Before the host reads what kernels wrote.
  void Fetch(const std::vector<float>& values) const {
    if (runner_.session() != nullptr) runner_.session()->Read(values.data());
  }

  const NetworkPlan& plan_;
  const NetworkState& state_;
  const float* const weights_;
  const DropoutMasks& masks_;
  const int samples_;
  Runner runner_;
  std::vector<std::vector<float>> outputs_;        // of each node
  std::vector<std::vector<std::uint8_t>> argmax_;  // of each node that is a max pooling
  std::vector<std::optional<SimpleRnn>> rnns_;     // of each node that is one
  std::vector<float> probabilities_;
  std::vector<float> gradient_, next_gradient_;  // of the output at hand, taking turns
  // Below binary32: the inputs as they are stored, and room for storing.
  std::vector<float> inputs_;
  std::vector<std::uint16_t> stored_;
  std::map<Slice, Cases> cases_;
};

}  // namespace samebits
