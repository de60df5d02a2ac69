// oneDNN 3. Activations stay NHWC; weights are reordered to the format it likes best, inside the
// time, as our kernels pack theirs inside.
#include <omp.h>

#include <map>
#include <string>

#include <oneapi/dnnl/dnnl.hpp>

#include "kernels/conv2d/conv2d.h"
#include "kernels/core/team.h"
#include "kernels/dense/dense.h"

namespace samebits::comparators {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;
constexpr auto kFloat = memory::data_type::f32;

const dnnl::engine& Engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

// A primitive and what it needs, kept for each case and number of threads.
struct Prepared {
  dnnl::primitive primitive;
  dnnl::reorder reorder;
  memory x, w, w_packed, b, y;
};

memory Empty(const memory::desc& desc) { return memory(desc, Engine(), nullptr); }

dnnl::primitive_attr Relu(bool relu) {
  dnnl::primitive_attr attributes;
  if (relu) {
    dnnl::post_ops post;
    post.append_eltwise(dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
    attributes.set_post_ops(post);
  }
  return attributes;
}

template <class Descriptor>
Prepared Prepare(const Descriptor& descriptor, const memory::desc& plain_weights,
                 const dnnl::primitive& primitive) {
  Prepared p;
  p.primitive = primitive;
  p.x = Empty(descriptor.src_desc());
  p.w = Empty(plain_weights);
  p.w_packed = memory(descriptor.weights_desc(), Engine());
  p.reorder = dnnl::reorder(p.w, p.w_packed);
  p.y = Empty(descriptor.dst_desc());
  return p;
}

Prepared PrepareConv2d(const conv2d::Shape& s) {
  const memory::dims src = {s.n, s.c, s.h, s.w}, filter = {s.k, s.c, s.r, s.s},
                     dst = {s.n, s.k, s.oh, s.ow};
  const memory::dims after = {
      (s.oh - 1) * s.stride_h + s.dilation_h * (s.r - 1) + 1 - s.h - s.pad_top,
      (s.ow - 1) * s.stride_w + s.dilation_w * (s.s - 1) + 1 - s.w - s.pad_left};
  const memory::desc bias({s.k}, kFloat, Tag::a);
  const dnnl::convolution_forward::primitive_desc descriptor(
      Engine(), dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_auto,
      {src, kFloat, Tag::nhwc}, {filter, kFloat, Tag::any}, bias, {dst, kFloat, Tag::nhwc},
      {s.stride_h, s.stride_w}, {s.dilation_h - 1, s.dilation_w - 1}, {s.pad_top, s.pad_left},
      after, Relu(s.relu));
  Prepared p =
      Prepare(descriptor, {filter, kFloat, Tag::hwio}, dnnl::convolution_forward(descriptor));
  p.b = Empty(bias);
  return p;
}

Prepared PrepareDense(const conv2d::Shape& s) {
  const memory::desc bias({1, s.k}, kFloat, Tag::ab);
  const dnnl::matmul::primitive_desc descriptor(Engine(), {{s.n, s.c}, kFloat, Tag::ab},
                                                {{s.c, s.k}, kFloat, Tag::any}, bias,
                                                {{s.n, s.k}, kFloat, Tag::ab}, Relu(s.relu));
  Prepared p = Prepare(descriptor, {{s.c, s.k}, kFloat, Tag::ab}, dnnl::matmul(descriptor));
  p.b = Empty(bias);
  return p;
}

void Execute(Prepared& p, const Buffers& buffers) {
  static dnnl::stream stream(Engine());
  const auto handle = [](const float* data) { return const_cast<float*>(data); };
  p.x.set_data_handle(handle(buffers.in(0)));
  p.w.set_data_handle(handle(buffers.in(1)));
  p.b.set_data_handle(handle(buffers.in(2)));
  p.y.set_data_handle(buffers.out(0));
  if (p.w.get_desc() == p.w_packed.get_desc()) {
    p.primitive.execute(
        stream,
        {{DNNL_ARG_SRC, p.x}, {DNNL_ARG_WEIGHTS, p.w}, {DNNL_ARG_BIAS, p.b}, {DNNL_ARG_DST, p.y}});
  } else {
    p.reorder.execute(stream, p.w, p.w_packed);
    p.primitive.execute(stream, {{DNNL_ARG_SRC, p.x},
                                 {DNNL_ARG_WEIGHTS, p.w_packed},
                                 {DNNL_ARG_BIAS, p.b},
                                 {DNNL_ARG_DST, p.y}});
  }
  stream.wait();
}

template <class PrepareCase>
void RunPrepared(const Case& id, const Buffers& buffers, Team& team, const PrepareCase& prepare) {
  static std::map<std::pair<std::string, int>, Prepared> kept;
  omp_set_num_threads(team.size());
  const auto key = std::make_pair(id.id(), team.size());
  auto p = kept.find(key);
  if (p == kept.end()) p = kept.emplace(key, prepare()).first;
  Execute(p->second, buffers);
}

}  // namespace

void OneDnnConv2dForward(const Case& id, const Buffers& buffers, Team& team) {
  RunPrepared(id, buffers, team, [&] { return PrepareConv2d(conv2d::ShapeOf(id)); });
}

void OneDnnDenseForward(const Case& id, const Buffers& buffers, Team& team) {
  RunPrepared(id, buffers, team, [&] { return PrepareDense(dense::ShapeOf(id)); });
}

}  // namespace samebits::comparators
