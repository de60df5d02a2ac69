// The recipe's training composed of oneDNN primitives, as a framework runs it: every tensor in the
// format the primitives like, weights kept in theirs, bias gradients with those of the weights,
// windows' maxima and dropout's masks noted by the forward pass. Data, shuffle and initial weights
// are those of the recipe; the masks are not (a cheaper generator makes them).
#include <cmath>
#include <cstring>
#include <functional>
#include <list>
#include <numeric>
#include <vector>

#include "kernels/comparators/onednn.h"
#include "kernels/core/digest.h"
#include "kernels/core/error.h"
#include "kernels/core/team.h"
#include "model/data/pipeline.h"
#include "model/recipe.h"
#include "model/streams/initializers.h"
#include "model/streams/seeds.h"
#include "model/train_op.h"

namespace samebits::comparators {
namespace {

using dnnl::algorithm;
using dnnl::prop_kind;

// The loops that no primitive has, for the widest vectors there are.
#define SAMEBITS_FOR_THIS_MACHINE [[gnu::target_clones("avx512f", "avx2", "default")]]

// mask[i] = scale where a mixed counter is at least `drop_below`, else 0; y = x * mask.
SAMEBITS_FOR_THIS_MACHINE
void DropSome(const float* x, float* mask, float* y, std::uint32_t begin, std::uint32_t end,
              std::uint32_t key, std::uint32_t drop_below, float scale) {
  for (std::uint32_t i = begin; i < end; ++i) {
    std::uint32_t word = (i ^ key) * 0x9e3779b9u;
    word = (word ^ (word >> 16)) * 0x85ebca6bu;
    word = (word ^ (word >> 13)) * 0xc2b2ae35u;
    word ^= word >> 16;
    mask[i] = word >= drop_below ? scale : 0.0f;
    y[i] = x[i] * mask[i];
  }
}

SAMEBITS_FOR_THIS_MACHINE
void Multiply(const float* x, const float* mask, float* y, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) y[i] = x[i] * mask[i];
}

SAMEBITS_FOR_THIS_MACHINE
void Adam(float* w, float* m, float* v, const float* g, std::int64_t n, float alpha) {
  for (std::int64_t i = 0; i < n; ++i) {
    m[i] += (g[i] - m[i]) * 0.1f;
    v[i] += (g[i] * g[i] - v[i]) * 0.001f;
    w[i] -= m[i] * alpha / (std::sqrt(v[i]) + 1e-7f);
  }
}

template <class Body>  // void Body(begin, end)
void Parallel(std::int64_t n, const Body& body) {
  constexpr std::int64_t kPiece = 1 << 14;
#pragma omp parallel for if (n > kPiece)
  for (std::int64_t begin = 0; begin < n; begin += kPiece) body(begin, std::min(begin + kPiece, n));
}

float* DataOf(const memory& m) { return static_cast<float*>(m.get_data_handle()); }
memory Allocate(const memory::desc& desc) { return memory(desc, Engine()); }
std::int64_t FloatsIn(const memory::desc& desc) {
  return static_cast<std::int64_t>(desc.get_size() / sizeof(float));
}

struct Parameter {
  memory plain;       // as the golden's digest has it
  memory w, g, m, v;  // all in one format
  dnnl::reorder to_plain;
};

using Steps = std::list<std::function<void()>>;

class Network {
 public:
  Network(const Recipe& recipe, RandomSources& sources, int batch)
      : batch_(batch),
        classes_(recipe.outputs),
        images_(Allocate(Plain({batch, recipe.channels, recipe.height, recipe.width}, Tag::nhwc))) {
    memory x = images_;
    for (const Layer& layer : recipe.layers) {
      const bool first = &layer == &recipe.layers.front();
      const std::uint32_t seed = layer.HasSeed() ? sources.NextLayerSeed() : 0;
      switch (layer.kind) {
        case LayerKind::kConv2d:
          x = AddConv2d(layer, x, seed, first);
          break;
        case LayerKind::kDense:
          x = AddDense(layer, x, seed);
          break;
        case LayerKind::kMaxPool:
          x = AddPool(algorithm::pooling_max, x, {layer.window, layer.window});
          break;
        case LayerKind::kGlobalAveragePool: {
          const memory::dims d = x.get_desc().get_dims();
          x = AddPool(algorithm::pooling_avg_exclude_padding, x, {d[2], d[3]});
          break;
        }
        case LayerKind::kDropout:
          x = AddDropout(layer, x, seed);
          break;
        case LayerKind::kEmbedding:
        case LayerKind::kSimpleRnn:  // not of this recipe
          break;
      }
    }
    AddLoss(x);
  }

  float TrainStep(const float* images, const std::int32_t* labels) {
    images_.set_data_handle(const_cast<float*>(images));
    labels_ = labels;
    ++step_;
    for (const auto& run : forward_) run();
    for (const auto& run : backward_) run();
    const auto t = static_cast<double>(step_);
    const auto alpha =
        static_cast<float>(.001 * std::sqrt(1 - std::pow(.999, t)) / (1 - std::pow(.9, t)));
    for (Parameter& p : parameters_) {
      Adam(DataOf(p.w), DataOf(p.m), DataOf(p.v), DataOf(p.g), FloatsIn(p.w.get_desc()), alpha);
    }
    return loss_;
  }

  std::string WeightsDigest() {
    Sha256 sha;
    for (Parameter& p : parameters_) {
      p.to_plain.execute(Stream(), p.w, p.plain);
      Stream().wait();
      const auto floats = static_cast<std::size_t>(FloatsIn(p.plain.get_desc()));
      sha.Add(std::as_bytes(std::span(DataOf(p.plain), floats)));
    }
    return sha.Hex();
  }

 private:
  using Arguments = std::unordered_map<int, memory>;

  static std::function<void()> Execute(const dnnl::primitive& primitive, const Arguments& a) {
    return [primitive, a] { primitive.execute(Stream(), a); };
  }

  // The tensor in another format, where it is in another; reordered as a step of the pass.
  static memory As(const memory::desc& wanted, const memory& x, Steps& pass) {
    if (x.get_desc() == wanted) return x;
    const memory y = Allocate(wanted);
    pass.push_back(Execute(dnnl::reorder(x, y), {{DNNL_ARG_FROM, x}, {DNNL_ARG_TO, y}}));
    return y;
  }

  Parameter& AddParameter(const memory::desc& plain, const memory::desc& wanted,
                          const std::vector<float>& values) {
    Parameter p{Allocate(plain),  Allocate(wanted), Allocate(wanted),
                Allocate(wanted), Allocate(wanted), {}};
    std::ranges::copy(values, DataOf(p.plain));
    dnnl::reorder(p.plain, p.w).execute(Stream(), p.plain, p.w);
    Stream().wait();
    for (const memory& zero : {p.g, p.m, p.v}) {
      std::memset(DataOf(zero), 0, zero.get_desc().get_size());
    }
    p.to_plain = dnnl::reorder(p.w, p.plain);
    return parameters_.emplace_back(std::move(p));
  }

  std::vector<float> Glorot(std::uint32_t seed, const std::vector<std::int64_t>& shape) {
    return FindInitializer("GlorotUniform").Values(kKerasJax, seed, shape);
  }

  // dx of each layer reads dy, which the layer behind it makes later: backward steps are put in
  // front of those there are, as one group.
  void AddBackward(Steps group) { backward_.splice(backward_.begin(), group); }

  // Where y = relu(...): the gradient before it.
  memory ThroughRelu(bool relu, const memory& y, const memory& dy, Steps& pass) {
    if (!relu) return dy;
    const auto kind = algorithm::eltwise_relu_use_dst_for_bwd;
    const dnnl::eltwise_forward::primitive_desc hint(Engine(), prop_kind::forward_training, kind,
                                                     y.get_desc(), y.get_desc());
    const dnnl::eltwise_backward::primitive_desc d(Engine(), kind, dy.get_desc(), dy.get_desc(),
                                                   y.get_desc(), hint);
    pass.push_back(Execute(dnnl::eltwise_backward(d),
                           {{DNNL_ARG_DST, y}, {DNNL_ARG_DIFF_DST, dy}, {DNNL_ARG_DIFF_SRC, dy}}));
    return dy;
  }

  memory AddConv2d(const Layer& layer, const memory& input, std::uint32_t seed, bool first) {
    const memory::dims in = input.get_desc().get_dims();
    const std::int64_t k = layer.units, r = layer.window;
    const memory::dims filter = {k, in[1], r, r}, one = {1, 1}, none = {0, 0},
                       out = {batch_, k, in[2] - r + 1, in[3] - r + 1};
    const memory::desc bias = Plain({k}, Tag::a), x_any = first ? input.get_desc() : Any(in);
    const dnnl::convolution_forward::primitive_desc d(
        Engine(), prop_kind::forward_training, algorithm::convolution_auto, x_any, Any(filter),
        bias, Any(out), one, none, none, none, WithRelu(layer.relu));
    const dnnl::convolution_backward_weights::primitive_desc dw(
        Engine(), algorithm::convolution_auto, x_any, Any(filter), bias, Any(out), one, none, none,
        none, d);
    Parameter& w =
        AddParameter(Plain(filter, Tag::hwio), d.weights_desc(), Glorot(seed, {r, r, in[1], k}));
    Parameter& b = AddParameter(bias, bias, std::vector<float>(static_cast<std::size_t>(k)));
    const memory x = As(d.src_desc(), input, forward_), y = Allocate(d.dst_desc());
    forward_.push_back(Execute(
        dnnl::convolution_forward(d),
        {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w.w}, {DNNL_ARG_BIAS, b.w}, {DNNL_ARG_DST, y}}));

    Steps back;
    const memory dy = ThroughRelu(layer.relu, y, GradientOf(y), back);
    const memory g =
        dw.diff_weights_desc() == w.g.get_desc() ? w.g : Allocate(dw.diff_weights_desc());
    back.push_back(Execute(dnnl::convolution_backward_weights(dw),
                           {{DNNL_ARG_SRC, As(dw.src_desc(), x, back)},
                            {DNNL_ARG_DIFF_DST, As(dw.diff_dst_desc(), dy, back)},
                            {DNNL_ARG_DIFF_WEIGHTS, g},
                            {DNNL_ARG_DIFF_BIAS, b.g}}));
    if (g != w.g) {
      back.push_back(Execute(dnnl::reorder(g, w.g), {{DNNL_ARG_FROM, g}, {DNNL_ARG_TO, w.g}}));
    }
    if (!first) {
      const dnnl::convolution_backward_data::primitive_desc dx(
          Engine(), algorithm::convolution_auto, Any(in), Any(filter), Any(out), one, none, none,
          none, d);
      GiveBack(input, dx.diff_src_desc(), back, [&](const memory& to) {
        back.push_back(Execute(dnnl::convolution_backward_data(dx),
                               {{DNNL_ARG_DIFF_DST, As(dx.diff_dst_desc(), dy, back)},
                                {DNNL_ARG_WEIGHTS, As(dx.weights_desc(), w.w, back)},
                                {DNNL_ARG_DIFF_SRC, to}}));
      });
    }
    AddBackward(std::move(back));
    return y;
  }

  memory AddDense(const Layer& layer, const memory& input, std::uint32_t seed) {
    const std::int64_t c = input.get_desc().get_dims()[1], k = layer.units;
    const memory::dims in = {batch_, c}, weights = {k, c}, out = {batch_, k};
    const memory::desc bias = Plain({k}, Tag::a), flat = Plain(in, Tag::ab),
                       rows = Plain(out, Tag::ab);
    const dnnl::inner_product_forward::primitive_desc d(Engine(), prop_kind::forward_training, flat,
                                                        Any(weights), bias, rows,
                                                        WithRelu(layer.relu));
    const dnnl::inner_product_backward_weights::primitive_desc dw(Engine(), flat, Any(weights),
                                                                  bias, rows, d);
    const dnnl::inner_product_backward_data::primitive_desc dx(Engine(), flat, Any(weights), rows,
                                                               d);
    Parameter& w = AddParameter(Plain(weights, Tag::ba), d.weights_desc(), Glorot(seed, {c, k}));
    Parameter& b = AddParameter(bias, bias, std::vector<float>(static_cast<std::size_t>(k)));
    // Pooled images of one pixel are rows of channels already.
    const memory x = Rows(input, forward_), y = Allocate(rows);
    forward_.push_back(Execute(
        dnnl::inner_product_forward(d),
        {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w.w}, {DNNL_ARG_BIAS, b.w}, {DNNL_ARG_DST, y}}));

    Steps back;
    const memory dy = ThroughRelu(layer.relu, y, GradientOf(y), back);
    const memory g =
        dw.diff_weights_desc() == w.g.get_desc() ? w.g : Allocate(dw.diff_weights_desc());
    back.push_back(Execute(dnnl::inner_product_backward_weights(dw), {{DNNL_ARG_SRC, x},
                                                                      {DNNL_ARG_DIFF_DST, dy},
                                                                      {DNNL_ARG_DIFF_WEIGHTS, g},
                                                                      {DNNL_ARG_DIFF_BIAS, b.g}}));
    if (g != w.g) {
      back.push_back(Execute(dnnl::reorder(g, w.g), {{DNNL_ARG_FROM, g}, {DNNL_ARG_TO, w.g}}));
    }
    GiveBack(input, input.get_desc(), back, [&](const memory& to) {
      const bool pooled = to.get_desc().get_ndims() == 4;
      const memory gradient = pooled ? Allocate(flat) : to;
      back.push_back(Execute(dnnl::inner_product_backward_data(dx),
                             {{DNNL_ARG_DIFF_DST, dy},
                              {DNNL_ARG_WEIGHTS, As(dx.weights_desc(), w.w, back)},
                              {DNNL_ARG_DIFF_SRC, gradient}}));
      if (pooled) {
        const memory image = View(gradient, Plain({batch_, c, 1, 1}, Tag::nhwc));
        back.push_back(
            Execute(dnnl::reorder(image, to), {{DNNL_ARG_FROM, image}, {DNNL_ARG_TO, to}}));
      }
    });
    AddBackward(std::move(back));
    return y;
  }

  memory AddPool(algorithm kind, const memory& x, const memory::dims& window) {
    const memory::dims in = x.get_desc().get_dims(), none = {0, 0},
                       out = {batch_, in[1], in[2] / window[0], in[3] / window[1]};
    const dnnl::pooling_forward::primitive_desc d(Engine(), prop_kind::forward_training, kind,
                                                  x.get_desc(), Any(out), window, window, none,
                                                  none, none);
    const memory y = Allocate(d.dst_desc());
    const memory places = Allocate(d.workspace_desc());
    forward_.push_back(
        Execute(dnnl::pooling_forward(d),
                {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}, {DNNL_ARG_WORKSPACE, places}}));
    const dnnl::pooling_backward::primitive_desc dx(Engine(), kind, x.get_desc(), d.dst_desc(),
                                                    window, window, none, none, none, d);
    Steps back;
    const memory dy = GradientOf(y);
    GiveBack(x, dx.diff_src_desc(), back, [&](const memory& to) {
      back.push_back(Execute(
          dnnl::pooling_backward(dx),
          {{DNNL_ARG_DIFF_DST, dy}, {DNNL_ARG_DIFF_SRC, to}, {DNNL_ARG_WORKSPACE, places}}));
    });
    AddBackward(std::move(back));
    return y;
  }

  memory AddDropout(const Layer& layer, const memory& x, std::uint32_t seed) {
    const memory y = Allocate(x.get_desc()), mask = Allocate(x.get_desc());
    const std::int64_t n = FloatsIn(x.get_desc());
    const double rate = layer.rate / 1e6;
    const auto drop_below = static_cast<std::uint32_t>(rate * 4294967296.0);
    const auto scale = static_cast<float>(1 / (1 - rate));
    forward_.push_back([=, this] {
      const auto key = seed + static_cast<std::uint32_t>(step_) * 0x01000193u;
      Parallel(n, [&](std::int64_t begin, std::int64_t end) {
        DropSome(DataOf(x), DataOf(mask), DataOf(y), static_cast<std::uint32_t>(begin),
                 static_cast<std::uint32_t>(end), key, drop_below, scale);
      });
    });
    Steps back;
    const memory dy = GradientOf(y);
    GiveBack(x, x.get_desc(), back, [&](const memory& to) {
      back.push_back([=] {
        Parallel(n, [&](std::int64_t begin, std::int64_t end) {
          Multiply(DataOf(dy), DataOf(mask), DataOf(to), begin, end);
        });
      });
    });
    AddBackward(std::move(back));
    return y;
  }

  void AddLoss(const memory& logits) {
    const memory::desc rows = logits.get_desc();
    const dnnl::softmax_forward::primitive_desc d(Engine(), prop_kind::forward_training,
                                                  algorithm::softmax_log, rows, rows, 1);
    const memory logs = Allocate(rows), dx = GradientOf(logits);
    forward_.push_back(
        Execute(dnnl::softmax_forward(d), {{DNNL_ARG_SRC, logits}, {DNNL_ARG_DST, logs}}));
    AddBackward({[=, this] {
      Stream().wait();
      float sum = 0;
      for (std::int64_t n = 0; n < batch_; ++n) {
        const float* const log = DataOf(logs) + n * classes_;
        float* const to = DataOf(dx) + n * classes_;
        sum -= log[labels_[n]];
        for (std::int64_t i = 0; i < classes_; ++i) {
          to[i] = (std::exp(log[i]) - (i == labels_[n] ? 1.0f : 0.0f)) / static_cast<float>(batch_);
        }
      }
      loss_ = sum / static_cast<float>(batch_);
    }});
  }

  static memory::desc Any(const memory::dims& dims) { return Plain(dims, Tag::any); }

  static memory View(const memory& m, const memory::desc& desc) {
    return memory(desc, Engine(), m.get_data_handle());
  }

  memory Rows(const memory& x, Steps& pass) {
    const memory::dims d = x.get_desc().get_dims();
    if (d.size() == 2) return x;
    const memory image = As(Plain(d, Tag::nhwc), x, pass);
    return View(image, Plain({d[0], d[1]}, Tag::ab));
  }

  // Where the gradient of a layer's output lies: in the format of the output.
  memory GradientOf(const memory& y) {
    for (const auto& [known, gradient] : gradients_) {
      if (known == y) return gradient;
    }
    return gradients_.emplace_back(y, Allocate(y.get_desc())).second;
  }

  // Lets `write` make the gradient of x in its own format, and hands it on in that of x.
  template <class Write>
  void GiveBack(const memory& x, const memory::desc& own, Steps& pass, const Write& write) {
    const memory dx = GradientOf(x);
    const memory made = own == dx.get_desc() ? dx : Allocate(own);
    write(made);
    if (made != dx) {
      pass.push_back(Execute(dnnl::reorder(made, dx), {{DNNL_ARG_FROM, made}, {DNNL_ARG_TO, dx}}));
    }
  }

  const std::int64_t batch_, classes_;
  memory images_;
  const std::int32_t* labels_ = nullptr;
  std::list<Parameter> parameters_;
  std::vector<std::pair<memory, memory>> gradients_;
  Steps forward_, backward_;
  std::int64_t step_ = 0;
  float loss_ = 0;
};

}  // namespace

namespace onednn {

void TrainCnn(const Case& c, const Buffers& buffers, Team& team) {
  const TrainSettings settings = TrainSettingsOf(c);
  const Dataset& data = TrainDataOf(c);
  const TrainPlan plan = PlanOf(settings, ImageData(data, CnnRecipe(), settings));
  if (plan.steps >= plan.steps_per_epoch) {
    throw UnavailableError("composed of oneDNN: trains within one epoch of whole batches only");
  }
  if (settings.stream != &kKerasJax) {
    throw UnavailableError("composed of oneDNN: draws from the stream keras-jax only");
  }
  UseThreads(team);
  const Recipe& recipe = CnnRecipe();
  RandomSources sources(settings.seeds);
  const auto samples = static_cast<std::uint32_t>(data.train.count);
  const Shuffle shuffle = {.seeds = sources.NextShuffle(), .buffer = samples};
  Network network(recipe, sources, settings.batch);
  BatchPipeline pipeline(data.train, shuffle.Order(0, samples),
                         {.batch_size = settings.batch,
                          .height = recipe.height,
                          .width = recipe.width,
                          .map_threads = settings.map_threads,
                          .prefetch = settings.prefetch});
  std::vector<StepRecord> steps;
  while (std::ssize(steps) < plan.steps) {
    const Batch& batch = *pipeline.Next();
    const float loss = network.TrainStep(batch.images.data(), batch.labels.data());
    steps.push_back({std::ssize(steps) + 1, 1, loss, network.WeightsDigest()});
  }
  std::ranges::copy(StepsOutput(steps), buffers.out<std::uint8_t>(0));
}

}  // namespace onednn

}  // namespace samebits::comparators
