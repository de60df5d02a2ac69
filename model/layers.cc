#include "model/layers.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "kernels/activation/activation.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/convert/convert.h"
#include "kernels/dense/dense.h"
#include "kernels/dropout/dropout.h"
#include "kernels/embedding/embedding.h"
#include "kernels/loss/loss.h"
#include "kernels/pool2d/pool2d.h"
#include "kernels/softmax/softmax.h"

namespace samebits {

using enum LayerKind;

std::int64_t NetworkPlan::LargestOutput() const {
  std::int64_t largest = 0;
  for (const Node& node : nodes) largest = std::max(largest, node.OutputElements());
  return largest;
}

void Runner::Apply(const Op& op, const Case& c, const Buffers& buffers) const {
  const DeviceSession::Scope scope(session_, op, c);
  kernels_.Run(op, c, buffers, team_);
}

void Runner::Store(Precision precision, const float* from, float* to, std::int64_t count,
                   std::vector<std::uint16_t>& stored, int up, int down) const {
  if (precision == Precision::kFloat32 || count == 0) return;
  const auto conversion = [&](const char* direction, int scale) {
    return Case::Parse(fmt::format("n{}{}{}_{}", count, direction, scale, NameOf(precision)));
  };
  Apply(convert::kNarrow, conversion("up", up), {{from}, {stored.data()}});
  Apply(convert::kWiden, conversion("down", down), {{stored.data()}, {to}});
}

DropoutMasks::DropoutMasks(const NetworkPlan& plan, std::int64_t samples)
    : plan_(plan), masks_(plan.nodes.size()) {
  for (std::size_t i = 0; i < masks_.size(); ++i) {
    const Node& node = plan.nodes[i];
    if (node.layer.kind != kDropout) continue;
    masks_[i].resize(static_cast<std::size_t>(samples * node.OutputElements()));
  }
}

void DropoutMasks::KeepIn(DeviceSession& session) {
  for (std::vector<std::uint8_t>& mask : masks_) session.Keep(mask.data(), mask.size());
}

void DropoutMasks::Draw(const Slice& slice, std::int64_t steps, const Runner& runner) {
  first_ = slice.first;
  if (slice.samples == 0) return;
  std::vector<Case>& cases = cases_[slice];
  for (std::size_t i = cases.size(); i < masks_.size(); ++i) {
    const std::int64_t each = plan_.nodes[i].OutputElements();
    const std::string part =
        slice.samples == slice.batch
            ? ""
            : fmt::format("first{}of{}", slice.first * each, slice.batch * each);
    cases.push_back(Case::Parse(fmt::format("n{}{}_rate{}{}", slice.samples * each, part,
                                            plan_.nodes[i].layer.rate, plan_.DropoutWord())));
  }
  for (std::size_t i = 0; i < masks_.size(); ++i) {
    if (masks_[i].empty()) continue;
    const std::int64_t stream[2] = {plan_.nodes[i].draw, steps};
    runner.Apply(dropout::kMask, cases[i], {{stream}, {masks_[i].data()}});
  }
}

const std::uint8_t* DropoutMasks::Of(std::size_t node, std::int64_t sample) const {
  return masks_[node].data() + (sample - first_) * plan_.nodes[node].OutputElements();
}

Layers::Layers(const NetworkPlan& plan, const NetworkState& state, const float* weights,
               const DropoutMasks& masks, const KernelSet& kernels, Team& team, int samples)
    : plan_(plan),
      state_(state),
      weights_(weights),
      masks_(masks),
      samples_(samples),
      runner_(kernels, team) {
  const auto room = [&](std::int64_t each) { return static_cast<std::size_t>(samples * each); };
  for (const Node& node : plan.nodes) {
    outputs_.emplace_back(room(node.OutputElements()));
    argmax_.emplace_back(node.layer.kind == kMaxPool ? outputs_.back().size() : 0);
    rnns_.emplace_back();
    if (node.layer.kind == kSimpleRnn) {
      rnns_.back().emplace(node.layer, node.h, node.c, samples, plan.DropoutWord());
    }
  }
  probabilities_.resize(room(plan.nodes.back().oc));
  const std::size_t largest = room(plan.LargestOutput());
  gradient_.resize(largest);
  next_gradient_.resize(largest);
  if (plan.precision == Precision::kFloat32) return;
  if (plan.nodes.front().layer.kind != kEmbedding) inputs_.resize(room(plan.InputWidth()));
  stored_.resize(std::max(inputs_.size(), largest));
}

void Layers::KeepIn(DeviceSession& session) {
  runner_.Use(&session);
  const auto keep = [&](auto& tensor) {
    session.Keep(tensor.data(), tensor.size() * sizeof(tensor[0]));
  };
  for (auto* tensor : {&probabilities_, &gradient_, &next_gradient_, &inputs_}) keep(*tensor);
  keep(stored_);
  for (std::vector<float>& output : outputs_) keep(output);
  for (std::vector<std::uint8_t>& argmax : argmax_) keep(argmax);
  for (std::optional<SimpleRnn>& rnn : rnns_) {
    if (rnn) rnn->KeepIn(session);
  }
}

const Layers::Cases& Layers::CasesOf(const Slice& slice) {
  const auto known = cases_.find(slice);
  if (known != cases_.end()) return known->second;
  const auto [batch, leaves, first, of] = slice;
  const bool whole = batch == of && leaves == plan_.leaves;
  Cases cases;
  for (const Node& node : plan_.nodes) {
    const std::string image = fmt::format("n{}h{}w{}c{}", batch, node.h, node.w, node.c);
    const std::int64_t each = node.OutputElements(), elements = batch * each;
    std::string id;
    switch (node.layer.kind) {
      case kConv2d:
        id = fmt::format("{0}_k{1}r{2}s{2}v{3}", image, node.oc, node.layer.window, leaves);
        break;
      case kMaxPool:
        id = fmt::format("{0}_r{1}s{1}", image, node.layer.window);
        break;
      case kGlobalAveragePool:
        id = image;
        break;
      case kDense:
        id = fmt::format("n{}c{}_k{}v{}", batch, node.c, node.oc, leaves);
        break;
      case kEmbedding:
        id = fmt::format("n{}l{}c{}_rows{}v{}", batch, node.h, node.oc, node.layer.rows, leaves);
        break;
      case kDropout:
        id = fmt::format("n{}_rate{}", elements, node.layer.rate);
        break;
      case kSimpleRnn:  // has cases of its own
        id = image;
        break;
    }
    cases.forward.push_back(Case::Parse(node.layer.relu ? id + "_relu" : id));
    cases.plain.push_back(Case::Parse(fmt::format("n{}", elements)));
  }
  cases.loss = Case::Parse(fmt::format("n{}c{}v{}{}", batch, plan_.nodes.back().oc, leaves,
                                       whole ? "" : fmt::format("of{}", of)));
  return cases_.emplace(slice, std::move(cases)).first->second;
}

std::string_view NetworkPlan::DropoutWord() const {
  return stream == &kKerasTensorflow ? "_tensorflow" : "";
}

const float* Layers::Inputs(const Rows& rows) {
  const auto* const x = static_cast<const float*>(rows.x);
  if (inputs_.empty()) return x;
  Store(x, inputs_.data(), rows.size * plan_.InputWidth());
  return inputs_.data();
}

const float* Layers::Forward(const Rows& rows, const Slice& slice, bool training) {
  const Cases& cases = CasesOf(slice);
  const auto apply = [this](const Op& op, const Case& c, const Buffers& b) { Apply(op, c, b); };
  const float* x = Inputs(rows);
  for (std::size_t i = 0; i < plan_.nodes.size(); ++i) {
    const Node& node = plan_.nodes[i];
    float* const y = outputs_[i].data();
    const Case& c = cases.forward[i];
    switch (node.layer.kind) {
      case kConv2d:
        Apply(conv2d::kForward, c, {{x, WeightsOf(node.kernel), WeightsOf(node.bias)}, {y}});
        break;
      case kDense:
        Apply(dense::kForward, c, {{x, WeightsOf(node.kernel), WeightsOf(node.bias)}, {y}});
        break;
      case kMaxPool:
        if (training) {
          Apply(pool2d::kMaxArgmaxForward, c, {{x}, {y, argmax_[i].data()}});
        } else {
          Apply(pool2d::kMaxForward, c, {{x}, {y}});
        }
        break;
      case kGlobalAveragePool:
        Apply(pool2d::kGlobalAverageForward, c, {{x}, {y}});
        break;
      case kEmbedding:
        Apply(embedding::kForward, c, {{WeightsOf(node.kernel), rows.x}, {y}});
        break;
      case kDropout:
        if (!training) continue;  // hands its input on
        Apply(dropout::kMasked, c, {{x, masks_.Of(i, slice.first)}, {y}});
        break;
      case kSimpleRnn:
        rnns_[i]->Forward(
            slice, x, {WeightsOf(node.kernel), WeightsOf(node.recurrent), WeightsOf(node.bias)},
            training ? std::optional(SimpleRnn::Masks{node.draw, state_.steps + state_.evaluated})
                     : std::nullopt,
            apply, y);
        break;
    }
    Store(y, y, rows.size * node.OutputElements());
    x = y;
  }
  return x;
}

void Layers::Loss(const float* outputs, const Rows& rows, const Slice& slice,
                  const Subtree& subtree, float* loss) {
  const auto sum = [&](const Op& op, float* rest, const auto* targets) {
    const auto compute = [&](std::int64_t samples, std::int64_t leaves, std::int64_t first,
                             float* to) {
      const std::int64_t at = first - slice.first, width = plan_.nodes.back().oc;
      Apply(op, CasesOf({samples, leaves, first, slice.batch}).loss,
            {{outputs + at * width, targets + at * plan_.TargetWidth()}, {to, rest + at * width}});
    };
    SumOfLeaves(subtree, slice.batch, plan_.leaves, {loss, 1}, compute);
  };
  switch (plan_.objective) {
    case Objective::kClasses:
      return sum(softmax::kCrossEntropyForward, probabilities_.data(),
                 static_cast<const std::int32_t*>(rows.targets));
    case Objective::kBinary:
      return sum(loss::kBinaryCrossEntropy, gradient_.data(),
                 static_cast<const float*>(rows.targets));
    case Objective::kValue:
      return sum(loss::kMeanSquaredError, gradient_.data(),
                 static_cast<const float*>(rows.targets));
  }
}

std::int64_t Layers::Hits(const Rows& rows) const {
  std::int64_t hits = 0;
  if (rows.size == 0) return hits;
  if (plan_.objective == Objective::kClasses) {
    const auto* labels = static_cast<const std::int32_t*>(rows.targets);
    const std::int64_t width = plan_.nodes.back().oc;
    Fetch(probabilities_);
    for (int n = 0; n < rows.size; ++n) {
      const float* const row = probabilities_.data() + n * width;
      hits += std::max_element(row, row + width) - row == labels[n];
    }
  } else if (plan_.objective == Objective::kBinary) {
    const std::vector<float>& outputs = outputs_.back();
    const auto* targets = static_cast<const float*>(rows.targets);
    Fetch(outputs);
    for (std::size_t n = 0; n < static_cast<std::size_t>(rows.size); ++n) {
      hits += (outputs[n] > 0) == (targets[n] > 0.5f);
    }
  }
  return hits;
}

void Layers::Backward(const Rows& rows, const Slice& slice, const Share& share, std::size_t subtree,
                      GradientSums& sums, bool reduces) {
  // Of no samples only the place in the sums is filled.
  const auto apply = [&](const Op& op, const Case& c, const Buffers& b) {
    if (slice.samples > 0) Apply(op, c, b);
  };
  // The gradient of a parameter by `op`, from x, if it takes one, and the gradient of the output.
  const auto sum_gradient = [&](const Op& op, const SampleRows& x, const SampleRows& dy,
                                int parameter, const CaseOfLeaves& case_of) {
    const auto compute = [&](std::int64_t samples, std::int64_t leaves, std::int64_t first,
                             float* gradient) {
      const std::int64_t at = first - slice.first;
      const Case& c = case_of(samples, leaves);
      const float* const own_dy = dy.data + at * dy.width;
      if (x.data == nullptr) return Apply(op, c, {{own_dy}, {gradient}});
      Apply(op, c, {{x.data + at * x.width, own_dy}, {gradient}});
    };
    SumOfLeaves(share.subtrees[subtree], slice.batch, plan_.leaves,
                sums.Of(share, subtree, parameter), compute);
  };
  const Cases& cases = CasesOf(slice);
  if (plan_.objective == Objective::kClasses) {
    apply(softmax::kCrossEntropyBackward, cases.loss,
          {{probabilities_.data(), rows.targets}, {gradient_.data()}});
  }
  const float* const inputs = inputs_.empty() ? static_cast<const float*>(rows.x) : inputs_.data();
  Store(gradient_.data(), gradient_.data(), rows.size * plan_.nodes.back().oc,
        state_.scale.exponent);
  for (std::size_t i = plan_.nodes.size(); i-- > 0;) {
    const Node& node = plan_.nodes[i];
    const Case& c = cases.forward[i];
    const float* const x = i == 0 ? inputs : outputs_[i - 1].data();
    // The relu in front of a max pooling is taken behind it: y > 0 there is m > 0 here, a gradient
    // meets no other place, and the tensor is four times smaller. The bits are the same.
    const bool pooled = i + 1 < plan_.nodes.size() && plan_.nodes[i + 1].layer.kind == kMaxPool;
    const bool pools = node.layer.kind == kMaxPool && i > 0 && plan_.nodes[i - 1].layer.relu;
    if ((node.layer.relu && !pooled) || pools) {
      apply(activation::kReluBackward, cases.plain[i],
            {{outputs_[i].data(), gradient_.data()}, {next_gradient_.data()}});
      gradient_.swap(next_gradient_);
    }
    const float* const dy = gradient_.data();
    float* const dx = next_gradient_.data();
    const SampleRows in = {x, node.InputElements()}, none = {nullptr, 0};
    const SampleRows out = {dy, node.OutputElements()};
    const CaseOfLeaves case_of = [&](std::int64_t samples, std::int64_t leaves) -> const Case& {
      return CasesOf({samples, leaves, 0, samples}).forward[i];
    };
    const auto sum = [&](const Op& op, const SampleRows& from, int parameter) {
      sum_gradient(op, from, out, parameter, case_of);
    };
    switch (node.layer.kind) {
      case kConv2d:
        sum(conv2d::kBiasGradient, none, node.bias);
        sum(conv2d::kWeightGradient, in, node.kernel);
        if (i > 0) apply(conv2d::kDataGradient, c, {{dy, WeightsOf(node.kernel)}, {dx}});
        break;
      case kDense:
        sum(dense::kBiasGradient, none, node.bias);
        sum(dense::kWeightGradient, in, node.kernel);
        if (i > 0) apply(dense::kDataGradient, c, {{dy, WeightsOf(node.kernel)}, {dx}});
        break;
      case kMaxPool:
        apply(pool2d::kMaxArgmaxBackward, c, {{argmax_[i].data(), dy}, {dx}});
        break;
      case kGlobalAveragePool:
        apply(pool2d::kGlobalAverageBackward, c, {{dy}, {dx}});
        break;
      case kEmbedding:
        sum(embedding::kBackward, in, node.kernel);
        break;
      case kDropout:
        apply(dropout::kMasked, c, {{dy, masks_.Of(i, slice.first)}, {dx}});
        break;
      case kSimpleRnn:
        rnns_[i]->Backward(
            slice, dy, {WeightsOf(node.kernel), WeightsOf(node.recurrent), WeightsOf(node.bias)},
            [&](const Op& op, SimpleRnn::Weight weight, const SampleRows& from,
                const SampleRows& dz, const CaseOfLeaves& cases_of_rnn) {
              const int parameter = weight == SimpleRnn::Weight::kKernel      ? node.kernel
                                    : weight == SimpleRnn::Weight::kRecurrent ? node.recurrent
                                                                              : node.bias;
              sum_gradient(op, from, dz, parameter, cases_of_rnn);
            },
            apply, i > 0 ? dx : nullptr);
        break;
    }
    if (i > 0) Store(dx, dx, rows.size * node.InputElements());
    gradient_.swap(next_gradient_);
    if (node.kernel >= 0 && reduces) sums.Reduce(sums.At(node.kernel).offset, share);
  }
}

}  // namespace samebits
