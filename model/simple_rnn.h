// A SimpleRNN layer at work, as Keras runs one that returns its last output: what lies between its
// operations (kernels/rnn/rnn.h), from the steps' inputs [batch,l,c] to the last state [batch,k].
//
// In training one mask over the inputs and one over the states hold for all steps: dropout of ones
// with the layer's seed, calls 2t and 2t + 1 behind t batches. Those of inference count, as in
// Keras, which draws their masks, too, and does not use them.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "kernels/core/op.h"
#include "model/division.h"
#include "model/recipe.h"

namespace samebits {

class DeviceSession;

class SimpleRnn {
 public:
  using Apply = std::function<void(const Op&, const Case&, const Buffers&)>;
  struct Weights {
    const float *kernel, *recurrent, *bias;
  };
  enum class Weight { kKernel, kRecurrent, kBias };
  // Sums the gradient of one of them over leaves: x of the operation, if it takes one, and dz.
  using Sum = std::function<void(const Op&, Weight, const SampleRows& x, const SampleRows& dz,
                                 const CaseOfLeaves&)>;
  struct Masks {
    std::uint32_t draw;
    std::int64_t batches;  // before this one, of training and of inference
  };

  // `most` are the most samples at a time, `dropout` what a case of dropout names the stream by.
  SimpleRnn(const Layer& layer, std::int64_t steps, std::int64_t channels, std::int64_t most,
            std::string_view dropout);

  // Keeps what lies between its kernels where they run.
  void KeepIn(DeviceSession& session);

  // Without masks outside of training.
  void Forward(const Slice& slice, const float* x, const Weights& weights,
               const std::optional<Masks>& masks, const Apply& apply, float* y);

  // After Forward with masks. dx may be null.
  void Backward(const Slice& slice, const float* dy, const Weights& weights, const Sum& sum,
                const Apply& apply, float* dx);

 private:
  struct Cases {
    Case inputs, recurrent, steps, step_mask, input_mask, state_mask;
  };

  const Cases& CasesOf(const Slice& slice);

  const Layer layer_;
  const std::int64_t steps_, channels_;

  const std::string_view dropout_;
  std::map<Slice, Cases> cases_;
  std::vector<float> ones_;  // for good
  std::vector<float> input_mask_, state_mask_;
  std::vector<float> x_;              // behind the mask
  std::vector<float> z_, h_, s_;      // as in rnn.h
  std::vector<float> dz_, gradient_;  // of x_
};

}  // namespace samebits
