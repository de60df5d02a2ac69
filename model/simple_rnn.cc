#include "model/simple_rnn.h"

#include <algorithm>

#include <fmt/format.h>

#include "kernels/conv2d/conv2d.h"
#include "kernels/cuda/session.h"
#include "kernels/dropout/dropout.h"
#include "kernels/rnn/rnn.h"

namespace samebits {
namespace {

std::vector<float> Floats(std::int64_t count, float value = 0.0f) {
  return std::vector<float>(static_cast<std::size_t>(count), value);
}

}  // namespace

SimpleRnn::SimpleRnn(const Layer& layer, std::int64_t steps, std::int64_t channels,
                     std::int64_t most, std::string_view dropout)
    : layer_(layer),
      steps_(steps),
      channels_(channels),

      dropout_(dropout),
      ones_(Floats(most * std::max<std::int64_t>(channels, layer.units), 1.0f)),
      input_mask_(Floats(most * channels)),
      state_mask_(Floats(most * layer.units)),
      x_(Floats(most * steps * channels)),
      z_(Floats(most * steps * layer.units)),
      h_(z_),
      s_(z_),
      dz_(z_),
      gradient_(x_) {}

void SimpleRnn::KeepIn(DeviceSession& session) {
  for (auto* tensor : {&ones_, &input_mask_, &state_mask_, &x_, &z_, &h_, &s_, &dz_, &gradient_}) {
    session.Keep(tensor->data(), tensor->size() * sizeof(float));
  }
}

const SimpleRnn::Cases& SimpleRnn::CasesOf(const Slice& slice) {
  const auto known = cases_.find(slice);
  if (known != cases_.end()) return known->second;
  const std::int64_t batch = slice.samples, leaves = slice.leaves;
  // Each step is a row of an image one pixel wide.
  const auto image = [&](std::int64_t channels) {
    return Case::Parse(
        fmt::format("n{}h{}w1c{}_k{}r1s1v{}", batch, steps_, channels, layer_.units, leaves));
  };
  const auto mask = [&](std::int64_t channels, int rate) {
    const std::string part =
        batch == slice.batch
            ? ""
            : fmt::format("first{}of{}", slice.first * channels, slice.batch * channels);
    return Case::Parse(fmt::format("n{}{}_rate{}{}", batch * channels, part, rate, dropout_));
  };
  return cases_
      .emplace(slice,
               Cases{image(channels_), image(layer_.units),
                     Case::Parse(fmt::format("n{}l{}k{}", batch, steps_, layer_.units)),
                     Case::Parse(fmt::format("n{}l{}c{}", batch, steps_, channels_)),
                     mask(channels_, layer_.rate), mask(layer_.units, layer_.recurrent_rate)})
      .first->second;
}

void SimpleRnn::Forward(const Slice& slice, const float* x, const Weights& weights,
                        const std::optional<Masks>& masks, const Apply& apply, float* y) {
  const Cases& cases = CasesOf(slice);
  if (masks) {
    const std::int64_t inputs[2] = {masks->draw, 2 * masks->batches};
    const std::int64_t states[2] = {masks->draw, 2 * masks->batches + 1};
    apply(dropout::kForward, cases.input_mask, {{ones_.data(), inputs}, {input_mask_.data()}});
    apply(dropout::kForward, cases.state_mask, {{ones_.data(), states}, {state_mask_.data()}});
    apply(rnn::kStepMask, cases.step_mask, {{x, input_mask_.data()}, {x_.data()}});
    x = x_.data();
  }
  apply(conv2d::kForward, cases.inputs, {{x, weights.kernel, weights.bias}, {z_.data()}});
  const std::vector<float>& mask = masks ? state_mask_ : ones_;
  apply(rnn::kForward, cases.steps,
        {{z_.data(), weights.recurrent, mask.data()}, {y, h_.data(), s_.data()}});
}

void SimpleRnn::Backward(const Slice& slice, const float* dy, const Weights& weights,
                         const Sum& sum, const Apply& apply, float* dx) {
  const Cases& cases = CasesOf(slice);
  const auto inputs = [this](std::int64_t samples, std::int64_t leaves) -> const Case& {
    return CasesOf({samples, leaves, 0, samples}).inputs;
  };
  const auto recurrent = [this](std::int64_t samples, std::int64_t leaves) -> const Case& {
    return CasesOf({samples, leaves, 0, samples}).recurrent;
  };
  const SampleRows dz = {dz_.data(), steps_ * layer_.units};
  apply(rnn::kBackward, cases.steps,
        {{h_.data(), weights.recurrent, state_mask_.data(), dy}, {dz_.data()}});
  sum(conv2d::kBiasGradient, Weight::kBias, {nullptr, 0}, dz, inputs);
  sum(conv2d::kWeightGradient, Weight::kKernel, {x_.data(), steps_ * channels_}, dz, inputs);
  sum(conv2d::kWeightGradient, Weight::kRecurrent, {s_.data(), dz.width}, dz, recurrent);
  if (dx == nullptr) return;
  apply(conv2d::kDataGradient, cases.inputs, {{dz.data, weights.kernel}, {gradient_.data()}});
  apply(rnn::kStepMask, cases.step_mask, {{gradient_.data(), input_mask_.data()}, {dx}});
}

}  // namespace samebits
