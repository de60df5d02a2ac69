#include "model/network.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

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

Network::Network(const Recipe& recipe, const Stream& stream, RandomSources& sources,
                 const Division& division, int most, const KernelSet& kernels, Team& team,
                 Precision precision, const LossScaling& scaling, const RankSettings& ranks)
    : objective_(recipe.objective),
      kernels_(kernels),
      team_(team),
      stream_(stream),
      division_(division),
      precision_(precision),
      scaling_(scaling) {
  const std::int64_t samples = division.MostSamples(most);
  std::vector<Parameter> parameters;
  const auto add = [&](std::vector<std::int64_t> shape, const std::vector<float>& values) {
    parameters.push_back({std::move(shape), static_cast<std::int64_t>(state_.weights.size()),
                          static_cast<std::int64_t>(values.size())});
    state_.weights.insert(state_.weights.end(), values.begin(), values.end());
    return static_cast<int>(parameters.size()) - 1;
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
        node.rnn.emplace(layer, h, c, samples, DropoutWord());
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
    const std::int64_t elements = samples * node.oh * node.ow * node.oc;
    node.output.resize(static_cast<std::size_t>(elements));
    largest = std::max(largest, elements);
    h = node.oh, w = node.ow, c = node.oc;
    nodes_.push_back(std::move(node));
  }
  probabilities_.resize(static_cast<std::size_t>(samples * c));
  sums_.emplace(std::move(parameters), division, ranks);
  state_.first_moments.resize(state_.weights.size());
  state_.second_moments.resize(state_.weights.size());
  gradient_.resize(static_cast<std::size_t>(largest));
  next_gradient_.resize(static_cast<std::size_t>(largest));
  if (precision == Precision::kFloat16) state_.scale.exponent = scaling.exponent;
  adam_ = Case::Parse(fmt::format("n{}", state_.weights.size()));
  if (precision_ != Precision::kFloat32) {
    const Node& first = nodes_.front();
    const std::int64_t inputs = samples * first.h * first.w * first.c;
    seen_.resize(state_.weights.size());
    if (first.layer.kind != kEmbedding) inputs_.resize(static_cast<std::size_t>(inputs));
    stored_.resize(std::max({seen_.size(), inputs_.size(), static_cast<std::size_t>(largest)}));
  }
  losses_.reserve(static_cast<std::size_t>(division.leaves()));
  // Sums of parts of a batch meet on the host.
  if (kernels_.device() != nullptr && division_.IsWhole()) OpenSession();
}

void Network::OpenSession() {
  session_ = std::make_unique<DeviceSession>(OpenDevice(*kernels_.device()));
  const auto keep = [this](auto& tensor) {
    session_->Keep(tensor.data(), tensor.size() * sizeof(tensor[0]));
  };
  for (auto* tensor : {&state_.weights, &state_.first_moments, &state_.second_moments,
                       &probabilities_, &gradient_, &next_gradient_, &seen_, &inputs_}) {
    keep(*tensor);
  }
  sums_->KeepIn(*session_);
  keep(stored_);
  for (Node& node : nodes_) {
    keep(node.output);
    if (node.rnn) node.rnn->KeepIn(*session_);
  }
}

const Network::Cases& Network::CasesOf(const Slice& slice) {
  const auto known = cases_.find(slice);
  if (known != cases_.end()) return known->second;
  const auto [batch, leaves, first, of] = slice;
  const bool whole = batch == of && leaves == division_.leaves();
  Cases cases;
  for (const Node& node : nodes_) {
    const std::string image = fmt::format("n{}h{}w{}c{}", batch, node.h, node.w, node.c);
    const std::int64_t each = node.oh * node.ow * node.oc, elements = batch * each;
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
        id = fmt::format("n{}{}_rate{}{}", elements,
                         batch == of ? "" : fmt::format("first{}of{}", first * each, of * each),
                         node.layer.rate, DropoutWord());
        break;
      case kSimpleRnn:  // has cases of its own
        id = image;
        break;
    }
    cases.forward.push_back(Case::Parse(node.layer.relu ? id + "_relu" : id));
    cases.plain.push_back(Case::Parse(fmt::format("n{}", elements)));
  }
  cases.loss = Case::Parse(fmt::format("n{}c{}v{}{}", batch, nodes_.back().oc, leaves,
                                       whole ? "" : fmt::format("of{}", of)));
  return cases_.emplace(slice, std::move(cases)).first->second;
}

void Network::Store(const float* from, float* to, std::int64_t count, int up, int down) {
  if (precision_ == Precision::kFloat32 || count == 0) return;
  const auto conversion = [&](const char* direction, int scale) {
    return Case::Parse(fmt::format("n{}{}{}_{}", count, direction, scale, NameOf(precision_)));
  };
  Apply(convert::kNarrow, conversion("up", up), {{from}, {stored_.data()}});
  Apply(convert::kWiden, conversion("down", down), {{stored_.data()}, {to}});
}

void Network::Prefetch(const Rows* rows) {
  if (session_ == nullptr || rows == nullptr) return;
  const Node &first = nodes_.front(), &last = nodes_.back();
  const bool classes = objective_ == Objective::kClasses;
  static_assert(sizeof(float) == sizeof(std::int32_t));
  const auto bytes = [&](std::int64_t width) {
    return static_cast<std::size_t>(rows->size * width) * sizeof(float);
  };
  session_->Prefetch(rows->x, bytes(first.h * first.w * first.c));
  session_->Prefetch(rows->targets, bytes(classes ? 1 : last.oc));
}

const float* Network::Inputs(const Rows& rows) {
  const auto* const x = static_cast<const float*>(rows.x);
  const Node& first = nodes_.front();
  if (inputs_.empty()) return x;
  Store(x, inputs_.data(), rows.size * first.h * first.w * first.c);
  return inputs_.data();
}

std::string_view Network::DropoutWord() const {
  return &stream_ == &kKerasTensorflow ? "_tensorflow" : "";
}

void Network::Apply(const Op& op, const Case& c, const Buffers& buffers) {
  const DeviceSession::Scope scope(session_.get(), op, c);
  kernels_.Run(op, c, buffers, team_);
}

const float* Network::Forward(const Rows& rows, const Slice& slice, bool training) {
  const Cases& cases = CasesOf(slice);
  const auto apply = [this](const Op& op, const Case& c, const Buffers& b) { Apply(op, c, b); };
  Store(state_.weights.data(), seen_.data(), std::ssize(seen_));
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
            slice, x, {WeightsOf(node.kernel), WeightsOf(node.recurrent), WeightsOf(node.bias)},
            training ? std::optional(SimpleRnn::Masks{node.draw, state_.steps + state_.evaluated})
                     : std::nullopt,
            apply, y);
        break;
    }
    Store(y, y, rows.size * node.oh * node.ow * node.oc);
    x = y;
  }
  return x;
}

void Network::Loss(const float* outputs, const Rows& rows, const Share& share, int batch) {
  const std::int64_t width = nodes_.back().oc;
  const std::int64_t begin = share.turn.FirstSample(batch, division_.leaves());
  const auto sum = [&](const Op& op, float* rest, const auto* targets, std::int64_t target_width) {
    for (const Subtree& subtree : share.subtrees) {
      const auto compute = [&](std::int64_t samples, std::int64_t leaves, std::int64_t first,
                               float* loss) {
        const std::int64_t at = first - begin;
        Apply(op, CasesOf({samples, leaves, first, batch}).loss,
              {{outputs + at * width, targets + at * target_width}, {loss, rest + at * width}});
      };
      SumOfLeaves(subtree, batch, division_.leaves(), {&losses_.emplace_back(), 1}, compute);
    }
  };
  switch (objective_) {
    case Objective::kClasses:
      sum(softmax::kCrossEntropyForward, probabilities_.data(),
          static_cast<const std::int32_t*>(rows.targets), 1);
      break;
    case Objective::kBinary:
      sum(loss::kBinaryCrossEntropy, gradient_.data(), static_cast<const float*>(rows.targets),
          width);
      break;
    case Objective::kValue:
      sum(loss::kMeanSquaredError, gradient_.data(), static_cast<const float*>(rows.targets),
          width);
      break;
  }
}

std::int64_t Network::Hits(const Rows& rows) const {
  std::int64_t hits = 0;
  if (rows.size == 0) return hits;
  if (objective_ == Objective::kClasses) {
    const auto* labels = static_cast<const std::int32_t*>(rows.targets);
    const std::int64_t width = nodes_.back().oc;
    Fetch(probabilities_);
    for (int n = 0; n < rows.size; ++n) {
      const float* const row = probabilities_.data() + n * width;
      hits += std::max_element(row, row + width) - row == labels[n];
    }
  } else if (objective_ == Objective::kBinary) {
    const std::vector<float>& outputs = nodes_.back().output;
    const auto* targets = static_cast<const float*>(rows.targets);
    Fetch(outputs);
    for (std::size_t n = 0; n < static_cast<std::size_t>(rows.size); ++n) {
      hits += (outputs[n] > 0) == (targets[n] > 0.5f);
    }
  }
  return hits;
}

void Network::SumGradient(const Op& op, const Share& share, const Slice& slice, const SampleRows& x,
                          const SampleRows& dy, int parameter, const CaseOfLeaves& case_of) {
  for (std::size_t i = 0; i < share.subtrees.size(); ++i) {
    const auto compute = [&](std::int64_t samples, std::int64_t leaves, std::int64_t first,
                             float* gradient) {
      const std::int64_t at = first - slice.first;
      const Case& c = case_of(samples, leaves);
      const float* const own_dy = dy.data + at * dy.width;
      if (x.data == nullptr) return Apply(op, c, {{own_dy}, {gradient}});
      Apply(op, c, {{x.data + at * x.width, own_dy}, {gradient}});
    };
    SumOfLeaves(share.subtrees[i], slice.batch, division_.leaves(), sums_->Of(share, i, parameter),
                compute);
  }
}

void Network::Backward(const Rows& rows, const Share& share, const Slice& slice) {
  // Of no samples only the place in the sums is filled.
  const auto apply = [&](const Op& op, const Case& c, const Buffers& b) {
    if (slice.samples > 0) Apply(op, c, b);
  };
  const Cases& cases = CasesOf(slice);
  if (objective_ == Objective::kClasses) {
    apply(softmax::kCrossEntropyBackward, cases.loss,
          {{probabilities_.data(), rows.targets}, {gradient_.data()}});
  }
  const float* const inputs = inputs_.empty() ? static_cast<const float*>(rows.x) : inputs_.data();
  Store(gradient_.data(), gradient_.data(), rows.size * nodes_.back().oc, state_.scale.exponent);
  for (std::size_t i = nodes_.size(); i-- > 0;) {
    Node& node = nodes_[i];
    const Case& c = cases.forward[i];
    const float* const x = i == 0 ? inputs : nodes_[i - 1].output.data();
    // The relu in front of a max pooling is taken behind it: y > 0 there is m > 0 here, a gradient
    // meets no other place, and the tensor is four times smaller. The bits are the same.
    const bool pooled = i + 1 < nodes_.size() && nodes_[i + 1].layer.kind == kMaxPool;
    const bool pools = node.layer.kind == kMaxPool && i > 0 && nodes_[i - 1].layer.relu;
    if ((node.layer.relu && !pooled) || pools) {
      apply(activation::kReluBackward, cases.plain[i],
            {{node.output.data(), gradient_.data()}, {next_gradient_.data()}});
      gradient_.swap(next_gradient_);
    }
    const float* const dy = gradient_.data();
    float* const dx = next_gradient_.data();
    const SampleRows in = {x, node.h * node.w * node.c}, none = {nullptr, 0};
    const SampleRows out = {dy, node.oh * node.ow * node.oc};
    const CaseOfLeaves case_of = [&](std::int64_t samples, std::int64_t leaves) -> const Case& {
      return CasesOf({samples, leaves, 0, samples}).forward[i];
    };
    const auto sum = [&](const Op& op, const SampleRows& from, int parameter) {
      SumGradient(op, share, slice, from, out, parameter, case_of);
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
        apply(pool2d::kMaxBackward, c, {{x, dy}, {dx}});
        break;
      case kGlobalAveragePool:
        apply(pool2d::kGlobalAverageBackward, c, {{dy}, {dx}});
        break;
      case kEmbedding:
        sum(embedding::kBackward, in, node.kernel);
        break;
      case kDropout: {
        const std::int64_t stream[2] = {node.draw, state_.steps};
        apply(dropout::kBackward, c, {{dy, stream}, {dx}});
        break;
      }
      case kSimpleRnn:
        node.rnn->Backward(
            slice, dy, {WeightsOf(node.kernel), WeightsOf(node.recurrent), WeightsOf(node.bias)},
            [&](const Op& op, SimpleRnn::Weight weight, const SampleRows& from,
                const SampleRows& dz, const CaseOfLeaves& cases_of_rnn) {
              const int parameter = weight == SimpleRnn::Weight::kKernel      ? node.kernel
                                    : weight == SimpleRnn::Weight::kRecurrent ? node.recurrent
                                                                              : node.bias;
              SumGradient(op, share, slice, from, dz, parameter, cases_of_rnn);
            },
            apply, i > 0 ? dx : nullptr);
        break;
    }
    if (i > 0) Store(dx, dx, rows.size * node.h * node.w * node.c);
    gradient_.swap(next_gradient_);
    if (node.kernel >= 0) sums_->Reduce(sums_->At(node.kernel).offset, share);
  }
}

std::vector<std::string> Network::DigestsOf(const std::vector<float>& values) const {
  Fetch(values);
  std::vector<std::string> digests;
  for (const Parameter& parameter : sums_->parameters()) {
    const std::span tensor(values.data() + parameter.offset,
                           static_cast<std::size_t>(parameter.elements));
    digests.push_back(Sha256Hex(std::as_bytes(tensor)));
  }
  return digests;
}

std::vector<std::string> Network::WeightDigests() const { return DigestsOf(state_.weights); }
std::vector<std::string> Network::GradientDigests() const { return DigestsOf(sums_->values()); }

std::vector<std::string> Network::DigestsOfShare(int batch, RowStream& rows) {
  DigestNextShare();
  Pass(batch, rows, Aim::kGradients);
  return sums_->TakeShareDigests();
}

BatchResult Network::Meet(int batch, std::int64_t hits) {
  if (division_.IsWhole()) return {losses_[0], hits};
  const bool samples = objective_ == Objective::kClasses;
  const float loss =
      sums_->Meet(losses_) / static_cast<float>(samples ? batch : batch * nodes_.back().oc);
  return {loss, sums_->Count(hits)};
}

BatchResult Network::Pass(int batch, RowStream& stream, Aim aim) {
  losses_.clear();
  std::int64_t hits = 0;
  for (const Share& share : sums_->shares()) {
    const Rows& rows = *stream.Next();
    Prefetch(&rows);
    const Slice slice = {rows.size, division_.leaves(),
                         share.turn.FirstSample(batch, division_.leaves()), batch};
    const bool training = aim != Aim::kLoss;
    const float* const outputs = rows.size > 0 ? Forward(rows, slice, training) : nullptr;
    Loss(outputs, rows, share, batch);
    if (training) Backward(rows, share, slice);
    if (share.last) {
      sums_->Wait();
      if (training) {
        float* const sums = sums_->values().data();
        Store(sums, sums, std::ssize(sums_->values()), 0, state_.scale.exponent);
      }
      if (aim == Aim::kStep) Update();
    }
    if (session_ != nullptr) {
      session_->Start();
      Prefetch(stream.Peek());
    }
    hits += Hits(rows);  // last, as it waits for all that was put off
  }
  if (session_ != nullptr) session_->Flush();
  return Meet(batch, hits);
}

void Network::Update() {
  ++state_.steps;
  if (precision_ == Precision::kFloat16 && scaling_.dynamic) {
    Fetch(sums_->values());
    const bool skipped =
        !std::ranges::all_of(sums_->values(), [](float g) { return std::isfinite(g); });
    state_.scale = state_.scale.Next(scaling_, skipped);
    if (skipped) return;
  }
  const std::int64_t update = ++state_.updates;
  float *const weights = state_.weights.data(), *const first = state_.first_moments.data(),
               *const second = state_.second_moments.data();
  Apply(adam::kUpdate, adam_,
        {{weights, first, second, sums_->values().data(), &update}, {weights, first, second}});
}

BatchResult Network::TrainStep(int batch, RowStream& rows) { return Pass(batch, rows, Aim::kStep); }

BatchResult Network::Evaluate(int batch, RowStream& rows) {
  const BatchResult result = Pass(batch, rows, Aim::kLoss);
  ++state_.evaluated;
  return result;
}

const float* Network::Predict(const Rows& rows) {
  const float* const outputs = Forward(rows, {rows.size, division_.leaves(), 0, rows.size}, false);
  Fetch(nodes_.back().output);
  return outputs;
}

const NetworkState& Network::state() const {
  Fetch(state_.weights);
  Fetch(state_.first_moments);
  Fetch(state_.second_moments);
  return state_;
}

void Network::Restore(NetworkState state) {
  if (state.weights.size() != state_.weights.size() ||
      state.first_moments.size() != state_.weights.size() ||
      state.second_moments.size() != state_.weights.size()) {
    throw UserError(fmt::format("a network of {} weights, where the recipe has {}",
                                state.weights.size(), state_.weights.size()));
  }
  // A device keeps copies of what lies here: the numbers move, not the memory.
  for (const auto tensor :
       {&NetworkState::weights, &NetworkState::first_moments, &NetworkState::second_moments}) {
    std::ranges::copy(state.*tensor, (state_.*tensor).begin());
    (state.*tensor).swap(state_.*tensor);
  }
  state_ = std::move(state);
  Put(state_.weights);
  Put(state_.first_moments);
  Put(state_.second_moments);
}

std::string Network::WeightsDigest() const {
  static_assert(std::endian::native == std::endian::little,
                "the digest is of little-endian floats");
  Fetch(state_.weights);
  return Sha256Hex(std::as_bytes(std::span(state_.weights)));
}

std::vector<NamedArray> Network::Weights() const {
  Fetch(state_.weights);
  std::vector<NamedArray> arrays;
  for (const Parameter& parameter : sums_->parameters()) {
    const std::span values(state_.weights.data() + parameter.offset,
                           static_cast<std::size_t>(parameter.elements));
    arrays.push_back(
        {fmt::format("w{}", arrays.size()), MakeNpyArray<float>(parameter.shape, values)});
  }
  return arrays;
}

}  // namespace samebits
