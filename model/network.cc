#include "model/network.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "kernels/activation/activation.h"
#include "kernels/adam/adam.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/convert/convert.h"
#include "kernels/core/digest.h"
#include "kernels/core/error.h"
#include "kernels/dense/dense.h"
#include "kernels/dropout/dropout.h"
#include "kernels/embedding/embedding.h"
#include "kernels/loss/loss.h"
#include "kernels/pool2d/pool2d.h"
#include "kernels/softmax/softmax.h"
#include "model/streams/initializers.h"

namespace samebits {

using enum LayerKind;

Network::Network(const Recipe& recipe, const Stream& stream, RandomSources& sources, int leaves,
                 int most, const KernelSet& kernels, Team& team, Precision precision)
    : objective_(recipe.objective),
      kernels_(kernels),
      team_(team),
      stream_(stream),
      leaves_(leaves),
      precision_(precision) {
  const auto add = [&](std::vector<std::int64_t> shape, const std::vector<float>& values) {
    parameters_.push_back({std::move(shape), static_cast<std::int64_t>(state_.weights.size()),
                           static_cast<std::int64_t>(values.size())});
    state_.weights.insert(state_.weights.end(), values.begin(), values.end());
    return static_cast<int>(parameters_.size()) - 1;
  };
  for (int i = 0; i < recipe.drawn_before; ++i) sources.NextLayerSeed();
  const Initializer& glorot_uniform = FindInitializer("GlorotUniform");
  const Initializer& orthogonal = FindInitializer("Orthogonal");
  const Initializer& random_uniform = FindInitializer("RandomUniform");
  std::int64_t h = recipe.height, w = recipe.width, c = recipe.channels, largest = 0;
  for (const Layer& layer : recipe.layers) {
    Node node{.layer = layer, .h = h, .w = w, .c = c, .oh = h, .ow = w, .oc = c};
    switch (layer.kind) {
      case kConv2d:
        node.oh = h - layer.window + 1, node.ow = w - layer.window + 1, node.oc = layer.units;
        break;
      case kMaxPool:
        node.oh = h / layer.window, node.ow = w / layer.window;
        break;
      case kGlobalAveragePool:
        node.oh = node.ow = 1;
        break;
      case kDense:
      case kEmbedding:
        node.oc = layer.units;
        break;
      case kSimpleRnn:
        node.oh = 1, node.oc = layer.units;
        node.draw = sources.NextLayerSeed(Source::kDropout);  // before those of the kernels
        node.rnn.emplace(layer, h, c, leaves, most, DropoutWord());
        break;
      case kDropout:
        break;
    }
    if (layer.kind == kEmbedding) {
      const std::vector<std::int64_t> shape = {layer.rows, node.oc};
      node.kernel = add(
          shape, random_uniform.Values(stream, sources.NextLayerSeed(Source::kEmbedding), shape));
    } else if (layer.HasWeights()) {
      std::vector<std::int64_t> shape = {c, node.oc};
      if (layer.kind == kConv2d) shape.insert(shape.begin(), {layer.window, layer.window});
      node.kernel = add(shape, glorot_uniform.Values(stream, sources.NextLayerSeed(), shape));
      if (layer.kind == kSimpleRnn) {
        shape[0] = node.oc;
        node.recurrent = add(shape, orthogonal.Values(stream, sources.NextLayerSeed(), shape));
      }
      node.bias = add({node.oc}, std::vector<float>(static_cast<std::size_t>(node.oc), 0.0f));
    } else if (layer.kind == kDropout) {
      node.draw = sources.NextLayerSeed(Source::kDropout);
    }
    const std::int64_t elements = most * node.oh * node.ow * node.oc;
    node.output.resize(static_cast<std::size_t>(elements));
    largest = std::max(largest, elements);
    h = node.oh, w = node.ow, c = node.oc;
    nodes_.push_back(std::move(node));
  }
  probabilities_.resize(static_cast<std::size_t>(most * c));
  gradients_.resize(state_.weights.size());
  state_.first_moments.resize(state_.weights.size());
  state_.second_moments.resize(state_.weights.size());
  gradient_.resize(static_cast<std::size_t>(largest));
  next_gradient_.resize(static_cast<std::size_t>(largest));
}

const Network::Cases& Network::CasesOf(int batch) {
  const auto known = cases_.find(batch);
  if (known != cases_.end()) return known->second;
  Cases cases;
  for (const Node& node : nodes_) {
    const std::string image = fmt::format("n{}h{}w{}c{}", batch, node.h, node.w, node.c);
    const std::int64_t elements = batch * node.oh * node.ow * node.oc;
    std::string id;
    switch (node.layer.kind) {
      case kConv2d:
        id = fmt::format("{0}_k{1}r{2}s{2}v{3}", image, node.oc, node.layer.window, leaves_);
        break;
      case kMaxPool:
        id = fmt::format("{0}_r{1}s{1}", image, node.layer.window);
        break;
      case kGlobalAveragePool:
        id = image;
        break;
      case kDense:
        id = fmt::format("n{}c{}_k{}v{}", batch, node.c, node.oc, leaves_);
        break;
      case kEmbedding:
        id = fmt::format("n{}l{}c{}_rows{}v{}", batch, node.h, node.oc, node.layer.rows, leaves_);
        break;
      case kDropout:
        id = fmt::format("n{}_rate{}{}", elements, node.layer.rate, DropoutWord());
        break;
      case kSimpleRnn:  // has cases of its own
        id = image;
        break;
    }
    cases.forward.push_back(Case::Parse(node.layer.relu ? id + "_relu" : id));
    cases.plain.push_back(Case::Parse(fmt::format("n{}", elements)));
  }
  cases.loss = Case::Parse(fmt::format("n{}c{}v{}", batch, nodes_.back().oc, leaves_));
  cases.adam = Case::Parse(fmt::format("n{}", state_.weights.size()));
  return cases_.emplace(batch, std::move(cases)).first->second;
}

void Network::Store(float* values, std::int64_t count, int up, int down) {
  if (precision_ == Precision::kFloat32) return;
  stored_.resize(std::max(stored_.size(), static_cast<std::size_t>(count)));
  const auto conversion = [&](const char* direction, int scale) {
    return Case::Parse(fmt::format("n{}{}{}_{}", count, direction, scale, NameOf(precision_)));
  };
  Apply(convert::kNarrow, conversion("up", up), {{values}, {stored_.data()}});
  Apply(convert::kWiden, conversion("down", down), {{stored_.data()}, {values}});
}

const float* Network::Inputs(const Rows& rows) {
  const auto* const x = static_cast<const float*>(rows.x);
  const Node& first = nodes_.front();
  if (precision_ == Precision::kFloat32 || first.layer.kind == kEmbedding) return x;
  const std::int64_t elements = rows.size * first.h * first.w * first.c;
  inputs_.assign(x, x + elements);
  Store(inputs_.data(), elements);
  return inputs_.data();
}

std::string_view Network::DropoutWord() const {
  return &stream_ == &kKerasTensorflow ? "_tensorflow" : "";
}

void Network::Apply(const Op& op, const Case& c, const Buffers& buffers) {
  kernels_.Run(op, c, buffers, team_);
}

const float* Network::Forward(const Rows& rows, bool training) {
  const Cases& cases = CasesOf(rows.size);
  const auto apply = [this](const Op& op, const Case& c, const Buffers& b) { Apply(op, c, b); };
  if (precision_ != Precision::kFloat32) {
    seen_ = state_.weights;
    Store(seen_.data(), std::ssize(seen_));
  }
  const float* x = Inputs(rows);
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    Node& node = nodes_[i];
    float* const y = node.output.data();
    const Case& c = cases.forward[i];
    switch (node.layer.kind) {
      case kConv2d:
        Apply(conv2d::kForward, c, {{x, WeightsOf(node.kernel), WeightsOf(node.bias)}, {y}});
        break;
      case kDense:
        Apply(dense::kForward, c, {{x, WeightsOf(node.kernel), WeightsOf(node.bias)}, {y}});
        break;
      case kMaxPool:
        Apply(pool2d::kMaxForward, c, {{x}, {y}});
        break;
      case kGlobalAveragePool:
        Apply(pool2d::kGlobalAverageForward, c, {{x}, {y}});
        break;
      case kEmbedding:
        Apply(embedding::kForward, c, {{WeightsOf(node.kernel), rows.x}, {y}});
        break;
      case kDropout: {
        if (!training) continue;  // hands its input on
        const std::int64_t stream[2] = {node.draw, state_.steps};
        Apply(dropout::kForward, c, {{x, stream}, {y}});
        break;
      }
      case kSimpleRnn:
        node.rnn->Forward(
            rows.size, x, {WeightsOf(node.kernel), WeightsOf(node.recurrent), WeightsOf(node.bias)},
            training ? std::optional(SimpleRnn::Masks{node.draw, state_.steps}) : std::nullopt,
            apply, y);
        break;
    }
    Store(y, rows.size * node.oh * node.ow * node.oc);
    x = y;
  }
  return x;
}

BatchResult Network::Loss(const float* outputs, const Rows& rows) {
  BatchResult result{};
  const Case& c = CasesOf(rows.size).loss;
  switch (objective_) {
    case Objective::kClasses: {
      Apply(softmax::kCrossEntropyForward, c,
            {{outputs, rows.targets}, {&result.loss, probabilities_.data()}});
      const std::int64_t classes = nodes_.back().oc;
      const auto* labels = static_cast<const std::int32_t*>(rows.targets);
      for (int n = 0; n < rows.size; ++n) {
        const float* const row = probabilities_.data() + n * classes;
        result.hits += std::max_element(row, row + classes) - row == labels[n];
      }
      break;
    }
    case Objective::kBinary: {
      Apply(loss::kBinaryCrossEntropy, c,
            {{outputs, rows.targets}, {&result.loss, gradient_.data()}});
      const auto* targets = static_cast<const float*>(rows.targets);
      for (int n = 0; n < rows.size; ++n) result.hits += (outputs[n] > 0) == (targets[n] > 0.5f);
      break;
    }
    case Objective::kValue:
      Apply(loss::kMeanSquaredError, c,
            {{outputs, rows.targets}, {&result.loss, gradient_.data()}});
      break;
  }
  return result;
}

void Network::Backward(const Rows& rows) {
  const Cases& cases = CasesOf(rows.size);
  const auto apply = [this](const Op& op, const Case& c, const Buffers& b) { Apply(op, c, b); };
  if (objective_ == Objective::kClasses) {
    Apply(softmax::kCrossEntropyBackward, cases.loss,
          {{probabilities_.data(), rows.targets}, {gradient_.data()}});
  }
  const float* const inputs = inputs_.empty() ? static_cast<const float*>(rows.x) : inputs_.data();
  Store(gradient_.data(), rows.size * nodes_.back().oc, LossScale(precision_));
  for (std::size_t i = nodes_.size(); i-- > 0;) {
    Node& node = nodes_[i];
    const Case& c = cases.forward[i];
    const float* const x = i == 0 ? inputs : nodes_[i - 1].output.data();
    // The relu in front of a max pooling is taken behind it: y > 0 there is m > 0 here, a gradient
    // meets no other place, and the tensor is four times smaller. The bits are the same.
    const bool pooled = i + 1 < nodes_.size() && nodes_[i + 1].layer.kind == kMaxPool;
    const bool pools = node.layer.kind == kMaxPool && i > 0 && nodes_[i - 1].layer.relu;
    if ((node.layer.relu && !pooled) || pools) {
      Apply(activation::kReluBackward, cases.plain[i],
            {{node.output.data(), gradient_.data()}, {next_gradient_.data()}});
      gradient_.swap(next_gradient_);
    }
    const float* const dy = gradient_.data();
    float* const dx = next_gradient_.data();
    switch (node.layer.kind) {
      case kConv2d:
        Apply(conv2d::kBiasGradient, c, {{dy}, {GradientsOf(node.bias)}});
        Apply(conv2d::kWeightGradient, c, {{x, dy}, {GradientsOf(node.kernel)}});
        if (i > 0) Apply(conv2d::kDataGradient, c, {{dy, WeightsOf(node.kernel)}, {dx}});
        break;
      case kDense:
        Apply(dense::kBiasGradient, c, {{dy}, {GradientsOf(node.bias)}});
        Apply(dense::kWeightGradient, c, {{x, dy}, {GradientsOf(node.kernel)}});
        if (i > 0) Apply(dense::kDataGradient, c, {{dy, WeightsOf(node.kernel)}, {dx}});
        break;
      case kMaxPool:
        Apply(pool2d::kMaxBackward, c, {{x, dy}, {dx}});
        break;
      case kGlobalAveragePool:
        Apply(pool2d::kGlobalAverageBackward, c, {{dy}, {dx}});
        break;
      case kEmbedding:
        Apply(embedding::kBackward, c, {{rows.x, dy}, {GradientsOf(node.kernel)}});
        break;
      case kDropout: {
        const std::int64_t stream[2] = {node.draw, state_.steps};
        Apply(dropout::kBackward, c, {{dy, stream}, {dx}});
        break;
      }
      case kSimpleRnn:
        node.rnn->Backward(
            rows.size, dy,
            {WeightsOf(node.kernel), WeightsOf(node.recurrent), WeightsOf(node.bias)},
            {GradientsOf(node.kernel), GradientsOf(node.recurrent), GradientsOf(node.bias)}, apply,
            i > 0 ? dx : nullptr);
        break;
    }
    if (i > 0) Store(dx, rows.size * node.h * node.w * node.c);
    gradient_.swap(next_gradient_);
  }
  Store(gradients_.data(), std::ssize(gradients_), 0, LossScale(precision_));
}

BatchResult Network::TrainStep(const Rows& rows) {
  const BatchResult result = Loss(Forward(rows, true), rows);
  Backward(rows);
  const std::int64_t step = ++state_.steps;
  float *const weights = state_.weights.data(), *const first = state_.first_moments.data(),
               *const second = state_.second_moments.data();
  Apply(adam::kUpdate, CasesOf(rows.size).adam,
        {{weights, first, second, gradients_.data(), &step}, {weights, first, second}});
  return result;
}

BatchResult Network::Evaluate(const Rows& rows) { return Loss(Forward(rows, false), rows); }

void Network::Restore(NetworkState state) {
  if (state.weights.size() != state_.weights.size() ||
      state.first_moments.size() != state_.weights.size() ||
      state.second_moments.size() != state_.weights.size()) {
    throw UserError(fmt::format("a network of {} weights, where the recipe has {}",
                                state.weights.size(), state_.weights.size()));
  }
  state_ = std::move(state);
}

std::string Network::WeightsDigest() const {
  static_assert(std::endian::native == std::endian::little,
                "the digest is of little-endian floats");
  return Sha256Hex(std::as_bytes(std::span(state_.weights)));
}

std::vector<NamedArray> Network::Weights() const {
  std::vector<NamedArray> arrays;
  for (const Parameter& parameter : parameters_) {
    const std::span values(state_.weights.data() + parameter.offset,
                           static_cast<std::size_t>(parameter.elements));
    arrays.push_back(
        {fmt::format("w{}", arrays.size()), MakeNpyArray<float>(parameter.shape, values)});
  }
  return arrays;
}

}  // namespace samebits
