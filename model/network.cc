#include "model/network.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "kernels/adam/adam.h"
#include "kernels/core/digest.h"
#include "kernels/core/error.h"
#include "model/streams/initializers.h"

namespace samebits {

using enum LayerKind;

Network::Network(const Recipe& recipe, const Stream& stream, RandomSources& sources,
                 const Division& division, int most, const KernelSet& kernels, Team& team,
                 Precision precision, const LossScaling& scaling, const RankSettings& ranks)
    : kernels_(kernels),
      team_(team),
      runner_(kernels, team),
      division_(division),
      scaling_(scaling),
      plan_{recipe.objective, &stream, precision, division.leaves()} {
  const auto add = [&](std::vector<std::int64_t> shape, const std::vector<float>& values) {
    plan_.parameters.push_back({std::move(shape), static_cast<std::int64_t>(state_.weights.size()),
                                static_cast<std::int64_t>(values.size())});
    state_.weights.insert(state_.weights.end(), values.begin(), values.end());
    return static_cast<int>(plan_.parameters.size()) - 1;
  };
  for (int i = 0; i < recipe.drawn_before; ++i) sources.NextLayerSeed();
  const Initializer& glorot_uniform = FindInitializer("GlorotUniform");
  const Initializer& orthogonal = FindInitializer("Orthogonal");
  const Initializer& random_uniform = FindInitializer("RandomUniform");
  std::int64_t h = recipe.height, w = recipe.width, c = recipe.channels;
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
    h = node.oh, w = node.ow, c = node.oc;
    plan_.nodes.push_back(node);
  }
  state_.first_moments.resize(state_.weights.size());
  state_.second_moments.resize(state_.weights.size());
  if (precision == Precision::kFloat16) state_.scale.exponent = scaling.exponent;
  adam_ = Case::Parse(fmt::format("n{}", state_.weights.size()));
  if (precision != Precision::kFloat32) {
    seen_.resize(state_.weights.size());
    stored_.resize(seen_.size());
  }
  sums_.emplace(plan_.parameters, division, LeavesOfPart(most), ranks);
  losses_.reserve(static_cast<std::size_t>(division.leaves()));
  std::size_t parts = 1;          // of any turn
  std::int64_t part_samples = 0;  // of any part
  for (const Share& share : sums_->shares()) {
    parts = std::max(parts, share.subtrees.size());
    for (const Subtree& part : share.subtrees) {
      const Turn turn = {part.first, part.leaves};
      part_samples = std::max(part_samples, turn.MostSamples(most, division.leaves()));
    }
  }
  masks_.emplace(plan_, division.MostSamples(most));
  const float* const weights = seen_.empty() ? state_.weights.data() : seen_.data();
  const int workers = std::min(team.size(), static_cast<int>(parts));
  for (int i = 0; i < workers; ++i) {
    Worker& worker = workers_.emplace_back();
    if (workers > 1) worker.team = std::make_unique<Team>(team.size() / workers);
    worker.layers =
        std::make_unique<Layers>(plan_, state_, weights, *masks_, kernels,
                                 workers > 1 ? *worker.team : team, static_cast<int>(part_samples));
    free_.push_back(worker.layers.get());
  }
  // Sums of parts of a batch meet on the host.
  if (kernels_.device() != nullptr && sums_->IsOne()) OpenSession();
}

// What lies between two layers, and its gradient, of a part that stays near its core: 2 MiB.
constexpr std::int64_t kPartFloats = 512 * 1024;

// Parts are as few as stay near a core, and as give each thread two. A part writes a gradient of
// all weights, so what lies between its layers is no less than those. Small batches have no parts,
// nor those whose parts would leave threads without work: all threads share each of their kernels.
std::int64_t Network::LeavesOfPart(int most) const {
  const std::int64_t whole = division_.leaves();
  // Libraries promise less, and not for every batch. On a device sums of parts meet on the host.
  if (kernels_.claim() != Claim::kEverywhere || kernels_.device() != nullptr) return whole;
  const std::int64_t sample = 2 * plan_.LargestOutput(), threads = team_.size();
  const auto floats = [&](std::int64_t leaves) { return leaves * most / whole * sample; };
  std::int64_t turn = 1;
  for (const Turn& t : division_.turns()) turn = std::max(turn, t.leaves);
  if (floats(turn) <= kPartFloats / 4) return whole;
  std::int64_t leaves = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(turn)));
  const auto wants_more = [&] {
    return floats(leaves) > kPartFloats || (threads > 1 && turn / leaves < 2 * threads);
  };
  while (leaves > 1 && wants_more() && floats(leaves / 2) >= std::ssize(state_.weights)) {
    leaves /= 2;
  }
  if (threads == 1) return leaves;
  const std::int64_t parts = std::max<std::int64_t>(1, turn / leaves);
  const std::int64_t workers = std::min(threads, parts), rounds = (parts + workers - 1) / workers;
  const double busy =
      static_cast<double>(parts * (threads / workers)) / static_cast<double>(rounds * threads);
  return busy >= 0.8 ? leaves : whole;
}

void Network::OpenSession() {
  session_ = std::make_unique<DeviceSession>(OpenDevice(*kernels_.device()));
  runner_.Use(session_.get());
  for (auto* tensor : {&state_.weights, &state_.first_moments, &state_.second_moments, &seen_}) {
    session_->Keep(tensor->data(), tensor->size() * sizeof(float));
  }
  session_->Keep(stored_.data(), stored_.size() * sizeof(stored_[0]));
  sums_->KeepIn(*session_);
  masks_->KeepIn(*session_);
  workers_[0].layers->KeepIn(*session_);
}

Rows Network::Part(const Rows& rows, std::int64_t first, std::int64_t samples) const {
  static_assert(sizeof(float) == sizeof(std::int32_t));
  const auto behind = [&](const void* data, std::int64_t width) {
    return static_cast<const float*>(data) + first * width;
  };
  return {static_cast<int>(samples), behind(rows.x, plan_.InputWidth()),
          behind(rows.targets, plan_.TargetWidth())};
}

void Network::Prefetch(const Rows* rows) {
  if (session_ == nullptr || rows == nullptr) return;
  const auto bytes = [&](std::int64_t width) {
    return static_cast<std::size_t>(rows->size * width) * sizeof(float);
  };
  session_->Prefetch(rows->x, bytes(plan_.InputWidth()));
  session_->Prefetch(rows->targets, bytes(plan_.TargetWidth()));
}

void Network::SeeWeights() { Store(state_.weights.data(), seen_.data(), seen_.size()); }

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
  if (sums_->IsOne()) return {losses_[0], hits};
  const std::int64_t losses = batch * plan_.TargetWidth();
  const float loss = sums_->Meet(losses_) / static_cast<float>(losses);
  return {loss, sums_->Count(hits)};
}

std::int64_t Network::RunShare(int batch, const Rows& rows, const Share& share, Aim aim) {
  const std::int64_t leaves = division_.leaves();
  const std::int64_t begin = share.turn.FirstSample(batch, leaves);
  const auto parts = std::ssize(share.subtrees);
  float* const losses = losses_.data() + losses_.size();
  losses_.resize(losses_.size() + share.subtrees.size());
  if (aim != Aim::kLoss) masks_->Draw({rows.size, leaves, begin, batch}, state_.steps, runner_);
  std::atomic<std::int64_t> hits = 0;
  const auto run = [&](Layers& layers, std::int64_t i, bool reduces) {
    const Subtree& subtree = share.subtrees[static_cast<std::size_t>(i)];
    const Turn turn = {subtree.first, subtree.leaves};
    const std::int64_t first = turn.FirstSample(batch, leaves);
    const Rows part = Part(rows, first - begin, turn.Samples(batch, leaves));
    const Slice slice = {part.size, leaves, first, batch};
    const bool training = aim != Aim::kLoss;
    const float* const outputs = part.size > 0 ? layers.Forward(part, slice, training) : nullptr;
    layers.Loss(outputs, part, slice, subtree, losses + i);
    if (training) {
      layers.Backward(part, slice, share, static_cast<std::size_t>(i), *sums_, reduces);
    }
    if (session_ == nullptr) hits += layers.Hits(part);
  };
  if (workers_.size() == 1) {
    for (std::int64_t i = 0; i < parts; ++i) run(*workers_[0].layers, i, i + 1 == parts);
    return hits;
  }
  team_.Run(parts, [&](std::int64_t i) {
    Layers& layers = TakeWorker();
    run(layers, i, false);
    GiveBack(layers);
  });
  if (aim != Aim::kLoss) sums_->Reduce(0, share);
  return hits;
}

Layers& Network::TakeWorker() {
  const std::lock_guard lock(free_mutex_);
  Layers& layers = *free_.back();
  free_.pop_back();
  return layers;
}

void Network::GiveBack(Layers& layers) {
  const std::lock_guard lock(free_mutex_);
  free_.push_back(&layers);
}

BatchResult Network::Pass(int batch, RowStream& stream, Aim aim) {
  losses_.clear();
  SeeWeights();
  std::int64_t hits = 0;
  for (const Share& share : sums_->shares()) {
    const Rows& rows = *stream.Next();
    Prefetch(&rows);
    hits += RunShare(batch, rows, share, aim);
    if (share.last && aim != Aim::kLoss) {
      sums_->Wait();
      float* const sums = sums_->values().data();
      Store(sums, sums, sums_->values().size(), state_.scale.exponent);
      if (aim == Aim::kStep) Update();
    }
    if (session_ != nullptr) {
      session_->Start();
      Prefetch(stream.Peek());
      hits += workers_[0].layers->Hits(rows);  // last, as it waits for all that was put off
      session_->Flush();
    }
  }
  return Meet(batch, hits);
}

void Network::Update() {
  ++state_.steps;
  if (plan_.precision == Precision::kFloat16 && scaling_.dynamic) {
    Fetch(sums_->values());
    const bool skipped =
        !std::ranges::all_of(sums_->values(), [](float g) { return std::isfinite(g); });
    state_.scale = state_.scale.Next(scaling_, skipped);
    if (skipped) return;
  }
  const std::int64_t update = ++state_.updates;
  float *const weights = state_.weights.data(), *const first = state_.first_moments.data(),
               *const second = state_.second_moments.data();
  runner_.Apply(
      adam::kUpdate, adam_,
      {{weights, first, second, sums_->values().data(), &update}, {weights, first, second}});
}

BatchResult Network::TrainStep(int batch, RowStream& rows) { return Pass(batch, rows, Aim::kStep); }

BatchResult Network::Evaluate(int batch, RowStream& rows) {
  const BatchResult result = Pass(batch, rows, Aim::kLoss);
  ++state_.evaluated;
  return result;
}

std::vector<float> Network::Predict(const Rows& rows) {
  SeeWeights();
  Layers& layers = *workers_[0].layers;
  std::vector<float> outputs;
  for (int first = 0; first < rows.size; first += layers.samples()) {
    const Rows part = Part(rows, first, std::min(layers.samples(), rows.size - first));
    const float* const own =
        layers.Forward(part, {part.size, division_.leaves(), 0, part.size}, false);
    if (session_ != nullptr) session_->Read(own);
    outputs.insert(outputs.end(), own, own + part.size * plan_.nodes.back().oc);
  }
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
