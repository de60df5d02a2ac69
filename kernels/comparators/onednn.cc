// oneDNN 3, as well as it can be used: for every case the faster of the formats it likes best and
// of NHWC. Weights are reordered to the format it likes inside the time, as our kernels pack theirs
// inside; so are activations, where it likes another than NHWC.
#include "kernels/comparators/onednn.h"

#include <omp.h>

#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "kernels/activation/activation.h"
#include "kernels/comparators/padding.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/core/error.h"
#include "kernels/core/steady_choice.h"
#include "kernels/core/team.h"
#include "kernels/dense/dense.h"
#include "kernels/exact/exact.h"
#include "kernels/pool2d/pool2d.h"
#include "kernels/softmax/softmax.h"

namespace samebits::comparators {

const dnnl::engine& Engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::stream& Stream() {
  static dnnl::stream stream(Engine());
  return stream;
}

void UseThreads(const Team& team) { omp_set_num_threads(team.size()); }

dnnl::primitive_attr WithRelu(bool relu) {
  dnnl::primitive_attr attributes;
  if (relu) {
    dnnl::post_ops post;
    post.append_eltwise(dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
    attributes.set_post_ops(post);
  }
  return attributes;
}

namespace {

using dnnl::algorithm;
using dnnl::prop_kind;

// A tensor of the operation: how the caller holds it, how the primitive wants it.
struct Operand {
  int argument;         // DNNL_ARG_...
  memory::desc plain;   // the caller's
  memory::desc wanted;  // the primitive's
};

// A primitive between the reorders of its operands, with memory of its own for those.
class Prepared {
 public:
  Prepared(dnnl::primitive primitive, const std::vector<Operand>& inputs, const Operand& output)
      : primitive_(std::move(primitive)) {
    for (const Operand& input : inputs) inputs_.push_back(Place(input, true));
    output_ = Place(output, false);
  }

  // An operand that the caller does not hand over.
  void Keep(int argument, const memory& kept) { arguments_[argument] = kept; }

  void Run(const Buffers& buffers) {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      inputs_[i].plain.set_data_handle(const_cast<void*>(buffers.inputs[i]));
      if (inputs_[i].reorder)
        inputs_[i].reorder.execute(Stream(), inputs_[i].plain, inputs_[i].wanted);
    }
    output_.plain.set_data_handle(buffers.out(0));
    primitive_.execute(Stream(), arguments_);
    if (output_.reorder) output_.reorder.execute(Stream(), output_.wanted, output_.plain);
    Stream().wait();
  }

 private:
  struct Placed {
    memory plain, wanted;
    dnnl::reorder reorder;  // none where the formats are the same
  };

  Placed Place(const Operand& operand, bool input) {
    Placed placed;
    placed.plain = memory(operand.plain, Engine(), nullptr);
    placed.wanted = placed.plain;
    if (operand.plain != operand.wanted) {
      placed.wanted = memory(operand.wanted, Engine());
      placed.reorder = input ? dnnl::reorder(placed.plain, placed.wanted)
                             : dnnl::reorder(placed.wanted, placed.plain);
    }
    arguments_[operand.argument] = placed.wanted;
    return placed;
  }

  dnnl::primitive primitive_;
  std::vector<Placed> inputs_;
  Placed output_;
  std::unordered_map<int, memory> arguments_;
};

using Way = std::function<void(const Buffers&)>;

Way WayOf(Prepared prepared) {
  return [p = std::make_shared<Prepared>(std::move(prepared))](const Buffers& b) { p->Run(b); };
}

// A kernel that makes its ways on the first call of a case and number of threads.
template <std::vector<Way> (*ways_of)(const Case&)>
void RunBest(const Case& id, const Buffers& buffers, Team& team) {
  static std::map<std::pair<std::string, int>, Way> kept;
  UseThreads(team);
  const auto key = std::make_pair(id.id(), team.size());
  auto way = kept.find(key);
  if (way == kept.end()) {
    try {
      const std::vector<Way> ways = ways_of(id);
      const auto run = [&](std::size_t i) { ways[i](buffers); };
      way = kept.emplace(key, ways[FastestOf(ways.size(), run)]).first;
    } catch (const dnnl::error& error) {
      throw UnavailableError(
          fmt::format("oneDNN has no primitive for this case: {}", error.what()));
    }
  }
  way->second(buffers);
}

// Formats of activations that are tried; weights are always in the one it likes best.
constexpr Tag kActivations[] = {Tag::nhwc, Tag::any};

struct Conv2d {
  explicit Conv2d(const Case& id) : s(conv2d::ShapeOf(id)) {
    after = {PadBehind(s.h, s.oh, s.dilation_h * (s.r - 1) + 1, s.stride_h, s.pad_top),
             PadBehind(s.w, s.ow, s.dilation_w * (s.s - 1) + 1, s.stride_w, s.pad_left)};
  }

  dnnl::convolution_forward::primitive_desc Forward(prop_kind kind, Tag tag, bool bias) const {
    return {Engine(),
            kind,
            algorithm::convolution_auto,
            Plain(src, tag),
            Plain(filter, Tag::any),
            bias ? Plain({s.k}, Tag::a) : memory::desc(),
            Plain(dst, tag),
            strides,
            dilations,
            before,
            after,
            WithRelu(s.relu)};
  }

  conv2d::Shape s;
  memory::dims src = {s.n, s.c, s.h, s.w}, filter = {s.k, s.c, s.r, s.s},
               dst = {s.n, s.k, s.oh, s.ow};
  memory::dims strides = {s.stride_h, s.stride_w}, before = {s.pad_top, s.pad_left}, after;
  memory::dims dilations = {s.dilation_h - 1, s.dilation_w - 1};
  memory::desc x = Plain(src, Tag::nhwc), w = Plain(filter, Tag::hwio), y = Plain(dst, Tag::nhwc);
};

std::vector<Way> Conv2dForwardWays(const Case& id) {
  const Conv2d c(id);
  std::vector<Way> ways;
  for (const Tag tag : kActivations) {
    const auto d = c.Forward(prop_kind::forward_inference, tag, true);
    ways.push_back(WayOf({dnnl::convolution_forward(d),
                          {{DNNL_ARG_SRC, c.x, d.src_desc()},
                           {DNNL_ARG_WEIGHTS, c.w, d.weights_desc()},
                           {DNNL_ARG_BIAS, d.bias_desc(), d.bias_desc()}},
                          {DNNL_ARG_DST, c.y, d.dst_desc()}}));
  }
  return ways;
}

std::vector<Way> Conv2dDataGradientWays(const Case& id) {
  const Conv2d c(id);
  std::vector<Way> ways;
  for (const Tag tag : kActivations) {
    const dnnl::convolution_backward_data::primitive_desc d(
        Engine(), algorithm::convolution_auto, Plain(c.src, tag), Plain(c.filter, Tag::any),
        Plain(c.dst, tag), c.strides, c.dilations, c.before, c.after,
        c.Forward(prop_kind::forward_training, tag, false));
    ways.push_back(WayOf(
        {dnnl::convolution_backward_data(d),
         {{DNNL_ARG_DIFF_DST, c.y, d.diff_dst_desc()}, {DNNL_ARG_WEIGHTS, c.w, d.weights_desc()}},
         {DNNL_ARG_DIFF_SRC, c.x, d.diff_src_desc()}}));
  }
  return ways;
}

std::vector<Way> Conv2dWeightGradientWays(const Case& id) {
  const Conv2d c(id);
  std::vector<Way> ways;
  for (const Tag tag : kActivations) {
    const dnnl::convolution_backward_weights::primitive_desc d(
        Engine(), algorithm::convolution_auto, Plain(c.src, tag), Plain(c.filter, Tag::any),
        Plain(c.dst, tag), c.strides, c.dilations, c.before, c.after,
        c.Forward(prop_kind::forward_training, tag, false));
    ways.push_back(
        WayOf({dnnl::convolution_backward_weights(d),
               {{DNNL_ARG_SRC, c.x, d.src_desc()}, {DNNL_ARG_DIFF_DST, c.y, d.diff_dst_desc()}},
               {DNNL_ARG_DIFF_WEIGHTS, c.w, d.diff_weights_desc()}}));
  }
  return ways;
}

// a[m,k] * b[k,n], each by row or (Tag::ba) by column. What it likes best is asked of both factors.
std::vector<Way> Products(const memory::desc& a, const memory::desc& b, const memory::desc& y,
                          const memory::desc& bias, bool relu) {
  std::vector<Way> ways;
  for (const bool plain : {true, false}) {
    const auto wanted = [&](const memory::desc& desc) {
      return plain ? desc : Plain(desc.get_dims(), Tag::any);
    };
    const dnnl::matmul::primitive_desc d(Engine(), wanted(a), wanted(b), bias, y, WithRelu(relu));
    std::vector<Operand> inputs = {{DNNL_ARG_SRC, a, d.src_desc()},
                                   {DNNL_ARG_WEIGHTS, b, d.weights_desc()}};
    if (!bias.is_zero()) inputs.push_back({DNNL_ARG_BIAS, bias, bias});
    ways.push_back(WayOf({dnnl::matmul(d), inputs, {DNNL_ARG_DST, y, d.dst_desc()}}));
  }
  return ways;
}

std::vector<Way> DenseForwardWays(const Case& id) {
  const conv2d::Shape s = dense::ShapeOf(id);
  return Products(Plain({s.n, s.c}, Tag::ab), Plain({s.c, s.k}, Tag::ab),
                  Plain({s.n, s.k}, Tag::ab), Plain({1, s.k}, Tag::ab), s.relu);
}

std::vector<Way> DenseProductWays(const Case& id) {
  const exact::Shape s = exact::ShapeOf(id);
  return Products(Plain({s.n, s.c}, Tag::ab), Plain({s.c, s.k}, Tag::ab),
                  Plain({s.n, s.k}, Tag::ab), {}, false);
}

std::vector<Way> DenseDataGradientWays(const Case& id) {
  const conv2d::Shape s = dense::ShapeOf(id);
  return Products(Plain({s.n, s.k}, Tag::ab), Plain({s.k, s.c}, Tag::ba),
                  Plain({s.n, s.c}, Tag::ab), {}, false);
}

std::vector<Way> DenseWeightGradientWays(const Case& id) {
  const conv2d::Shape s = dense::ShapeOf(id);
  return Products(Plain({s.c, s.n}, Tag::ba), Plain({s.n, s.k}, Tag::ab),
                  Plain({s.c, s.k}, Tag::ab), {}, false);
}

struct Pooling {
  Pooling(const Case& id, bool maximum)
      : s(pool2d::ShapeOf(id)),
        kind(maximum ? algorithm::pooling_max : algorithm::pooling_avg_exclude_padding) {}

  dnnl::pooling_forward::primitive_desc Forward(prop_kind direction) const {
    return {Engine(), direction, kind, x, y, strides, window, {0, 0}, before, after};
  }
  dnnl::pooling_backward::primitive_desc Backward(
      const dnnl::pooling_forward::primitive_desc& forward) const {
    return {Engine(), kind, x, y, strides, window, {0, 0}, before, after, forward};
  }

  pool2d::Shape s;
  algorithm kind;
  memory::dims strides = {s.stride, s.stride}, window = {s.r, s.s}, before = {s.pad, s.pad};
  memory::dims after = {PadBehind(s.h, s.oh, s.r, s.stride, s.pad),
                        PadBehind(s.w, s.ow, s.s, s.stride, s.pad)};
  memory::desc x = Plain({s.n, s.c, s.h, s.w}, Tag::nhwc);
  memory::desc y = Plain({s.n, s.c, s.oh, s.ow}, Tag::nhwc);
};

Prepared BackwardOf(const Pooling& p, const dnnl::pooling_forward::primitive_desc& forward) {
  return {dnnl::pooling_backward(p.Backward(forward)),
          {{DNNL_ARG_DIFF_DST, p.y, p.y}},
          {DNNL_ARG_DIFF_SRC, p.x, p.x}};
}

template <bool maximum>
std::vector<Way> PoolForwardWays(const Case& id) {
  const Pooling p(id, maximum);
  return {WayOf({dnnl::pooling_forward(p.Forward(prop_kind::forward_inference)),
                 {{DNNL_ARG_SRC, p.x, p.x}},
                 {DNNL_ARG_DST, p.y, p.y}})};
}

std::vector<Way> AveragePoolBackwardWays(const Case& id) {
  const Pooling p(id, false);
  return {WayOf(BackwardOf(p, p.Forward(prop_kind::forward_training)))};
}

// Words of x in many places: whether another tensor came.
std::uint64_t Trace(const float* x, std::int64_t elements) {
  std::uint64_t trace = reinterpret_cast<std::uintptr_t>(x);
  for (std::int64_t i = 0; i < 64; ++i) {
    std::uint32_t word = 0;
    std::memcpy(&word, x + i * (elements - 1) / 63, sizeof word);
    trace = trace * 0x9e3779b97f4a7c15u + word;
  }
  return trace;
}

// The places of the maxima are the forward pass's to note, so noting them is not timed: it is done
// when x is another than in the call before.
std::vector<Way> MaxPoolBackwardWays(const Case& id) {
  const Pooling p(id, true);
  const auto forward = p.Forward(prop_kind::forward_training);
  const auto note = dnnl::pooling_forward(forward);
  const memory places(forward.workspace_desc(), Engine()), y(p.y, Engine());
  auto backward = std::make_shared<Prepared>(BackwardOf(p, forward));
  backward->Keep(DNNL_ARG_WORKSPACE, places);
  auto noted = std::make_shared<std::uint64_t>(0);
  return {[=, elements = p.s.n * p.s.h * p.s.w * p.s.c](const Buffers& buffers) {
    if (const std::uint64_t trace = Trace(buffers.in(0), elements); trace != *noted) {
      const memory x(p.x, Engine(), const_cast<float*>(buffers.in(0)));
      note.execute(Stream(), {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}, {DNNL_ARG_WORKSPACE, places}});
      *noted = trace;
    }
    backward->Run({{buffers.in(1)}, {buffers.out(0)}});
  }};
}

// Its notes are the operation's argmax, where they are bytes.
memory ArgmaxOf(const Pooling& p, const dnnl::pooling_forward::primitive_desc& forward) {
  const memory::desc bytes(p.y.get_dims(), memory::data_type::u8, Tag::nhwc);
  if (forward.workspace_desc() != bytes) {
    throw UnavailableError("oneDNN notes the places of this case's maxima in another way");
  }
  return {bytes, Engine(), nullptr};
}

std::vector<Way> MaxPoolArgmaxForwardWays(const Case& id) {
  const Pooling p(id, true);
  const auto d = p.Forward(prop_kind::forward_training);
  auto forward = std::make_shared<Prepared>(dnnl::pooling_forward(d),
                                            std::vector<Operand>{{DNNL_ARG_SRC, p.x, p.x}},
                                            Operand{DNNL_ARG_DST, p.y, p.y});
  const memory argmax = ArgmaxOf(p, d);
  forward->Keep(DNNL_ARG_WORKSPACE, argmax);
  return {[=](const Buffers& buffers) {
    argmax.set_data_handle(buffers.outputs[1]);
    forward->Run(buffers);
  }};
}

std::vector<Way> MaxPoolArgmaxBackwardWays(const Case& id) {
  const Pooling p(id, true);
  const auto forward = p.Forward(prop_kind::forward_training);
  auto backward = std::make_shared<Prepared>(BackwardOf(p, forward));
  const memory argmax = ArgmaxOf(p, forward);
  backward->Keep(DNNL_ARG_WORKSPACE, argmax);
  return {[=](const Buffers& buffers) {
    argmax.set_data_handle(const_cast<void*>(buffers.inputs[0]));
    backward->Run({{buffers.in(1)}, {buffers.out(0)}});
  }};
}

dnnl::eltwise_forward::primitive_desc Relu(const memory::desc& x) {
  return {Engine(), prop_kind::forward_training, algorithm::eltwise_relu_use_dst_for_bwd, x, x};
}

std::vector<Way> ReluForwardWays(const Case& id) {
  const memory::desc x = Plain({id.Get("n")}, Tag::a);
  return {WayOf({dnnl::eltwise_forward(Relu(x)), {{DNNL_ARG_SRC, x, x}}, {DNNL_ARG_DST, x, x}})};
}

std::vector<Way> ReluBackwardWays(const Case& id) {
  const memory::desc x = Plain({id.Get("n")}, Tag::a);
  const dnnl::eltwise_backward::primitive_desc d(Engine(), algorithm::eltwise_relu_use_dst_for_bwd,
                                                 x, x, x, Relu(x));
  return {WayOf({dnnl::eltwise_backward(d),
                 {{DNNL_ARG_DST, x, x}, {DNNL_ARG_DIFF_DST, x, x}},
                 {DNNL_ARG_DIFF_SRC, x, x}})};
}

dnnl::softmax_forward::primitive_desc Softmax(const memory::desc& x) {
  return {Engine(), prop_kind::forward_training, algorithm::softmax_accurate, x, x, 1};
}

std::vector<Way> SoftmaxForwardWays(const Case& id) {
  const softmax::Shape s = softmax::ShapeOf(id);
  const memory::desc x = Plain({s.n, s.c}, Tag::ab);
  return {WayOf({dnnl::softmax_forward(Softmax(x)), {{DNNL_ARG_SRC, x, x}}, {DNNL_ARG_DST, x, x}})};
}

std::vector<Way> SoftmaxBackwardWays(const Case& id) {
  const softmax::Shape s = softmax::ShapeOf(id);
  const memory::desc x = Plain({s.n, s.c}, Tag::ab);
  const dnnl::softmax_backward::primitive_desc d(Engine(), algorithm::softmax_accurate, x, x, x, 1,
                                                 Softmax(x));
  return {WayOf({dnnl::softmax_backward(d),
                 {{DNNL_ARG_DST, x, x}, {DNNL_ARG_DIFF_DST, x, x}},
                 {DNNL_ARG_DIFF_SRC, x, x}})};
}

}  // namespace

namespace onednn {

void Conv2dForward(const Case& c, const Buffers& b, Team& t) {
  RunBest<Conv2dForwardWays>(c, b, t);
}
void Conv2dDataGradient(const Case& c, const Buffers& b, Team& t) {
  RunBest<Conv2dDataGradientWays>(c, b, t);
}
void Conv2dWeightGradient(const Case& c, const Buffers& b, Team& t) {
  RunBest<Conv2dWeightGradientWays>(c, b, t);
}
void DenseForward(const Case& c, const Buffers& b, Team& t) { RunBest<DenseForwardWays>(c, b, t); }
void DenseProduct(const Case& c, const Buffers& b, Team& t) { RunBest<DenseProductWays>(c, b, t); }
void DenseDataGradient(const Case& c, const Buffers& b, Team& t) {
  RunBest<DenseDataGradientWays>(c, b, t);
}
void DenseWeightGradient(const Case& c, const Buffers& b, Team& t) {
  RunBest<DenseWeightGradientWays>(c, b, t);
}
void MaxPoolForward(const Case& c, const Buffers& b, Team& t) {
  RunBest<PoolForwardWays<true>>(c, b, t);
}
void MaxPoolBackward(const Case& c, const Buffers& b, Team& t) {
  RunBest<MaxPoolBackwardWays>(c, b, t);
}
void MaxPoolArgmaxForward(const Case& c, const Buffers& b, Team& t) {
  RunBest<MaxPoolArgmaxForwardWays>(c, b, t);
}
void MaxPoolArgmaxBackward(const Case& c, const Buffers& b, Team& t) {
  RunBest<MaxPoolArgmaxBackwardWays>(c, b, t);
}
void AveragePoolForward(const Case& c, const Buffers& b, Team& t) {
  RunBest<PoolForwardWays<false>>(c, b, t);
}
void AveragePoolBackward(const Case& c, const Buffers& b, Team& t) {
  RunBest<AveragePoolBackwardWays>(c, b, t);
}
void ReluForward(const Case& c, const Buffers& b, Team& t) { RunBest<ReluForwardWays>(c, b, t); }
void ReluBackward(const Case& c, const Buffers& b, Team& t) { RunBest<ReluBackwardWays>(c, b, t); }
void SoftmaxForward(const Case& c, const Buffers& b, Team& t) {
  RunBest<SoftmaxForwardWays>(c, b, t);
}
void SoftmaxBackward(const Case& c, const Buffers& b, Team& t) {
  RunBest<SoftmaxBackwardWays>(c, b, t);
}

}  // namespace onednn

}  // namespace samebits::comparators
