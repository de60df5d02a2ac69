#include "kernels/conv2d/terms.h"

#include "kernels/core/contract.h"

namespace samebits::conv2d {
namespace {

bool Inside(std::int64_t i, std::int64_t extent) { return i >= 0 && i < extent; }

// The pixels (n, oh, ow) of each leaf: term(pixel) for all of them, whole rows to a chain.
template <class TermOf>
OutputTerms OverBatch(const Shape& s, const TermOf& term) {
  OutputTerms terms{{}, RowsPerChain(s.ow) * s.ow, {}, {}};
  for (std::int64_t leaf = 0; leaf < s.leaves; ++leaf) {
    Terms& own = terms.leaves.emplace_back();
    const std::int64_t pixels = s.oh * s.ow, end = LeafBegin(leaf + 1, s.n, s.leaves) * pixels;
    for (std::int64_t pixel = LeafBegin(leaf, s.n, s.leaves) * pixels; pixel < end; ++pixel) {
      own.push_back(term(pixel));
    }
  }
  return terms;
}

}  // namespace

OutputTerms ForwardTerms(const Shape& s, const Buffers& buffers, std::int64_t output) {
  const std::int64_t oc = output % s.k, ow = output / s.k % s.ow, oh = output / s.k / s.ow % s.oh;
  const std::int64_t n = output / s.k / s.ow / s.oh;
  OutputTerms terms{{{}}, kChain, buffers.in(2)[oc], {}};
  if (s.relu) terms.finish = [](float y) { return y > 0.0f || y != y ? y : 0.0f; };
  for (std::int64_t tap = 0; tap < s.r * s.s; ++tap) {
    const std::int64_t ih = oh * s.stride_h - s.pad_top + tap / s.s * s.dilation_h;
    const std::int64_t iw = ow * s.stride_w - s.pad_left + tap % s.s * s.dilation_w;
    const bool present = Inside(ih, s.h) && Inside(iw, s.w);
    for (std::int64_t ic = 0; ic < s.c; ++ic) {
      const float x = present ? buffers.in(0)[((n * s.h + ih) * s.w + iw) * s.c + ic] : 0.0f;
      terms.leaves[0].push_back({x, buffers.in(1)[(tap * s.c + ic) * s.k + oc], present});
    }
  }
  return terms;
}

OutputTerms DataGradientTerms(const Shape& s, const Buffers& buffers, std::int64_t output) {
  const std::int64_t ic = output % s.c, iw = output / s.c % s.w, ih = output / s.c / s.w % s.h;
  const std::int64_t n = output / s.c / s.w / s.h;
  OutputTerms terms{{{}}, kChain, {}, {}};
  for (std::int64_t tap = 0; tap < s.r * s.s; ++tap) {
    const std::int64_t top = ih + s.pad_top - tap / s.s * s.dilation_h;
    const std::int64_t left = iw + s.pad_left - tap % s.s * s.dilation_w;
    const std::int64_t oh = top / s.stride_h, ow = left / s.stride_w;
    const bool present = top % s.stride_h == 0 && Inside(oh, s.oh) &&  //
                         left % s.stride_w == 0 && Inside(ow, s.ow);
    for (std::int64_t oc = 0; oc < s.k; ++oc) {
      const float dy = present ? buffers.in(0)[((n * s.oh + oh) * s.ow + ow) * s.k + oc] : 0.0f;
      terms.leaves[0].push_back({dy, buffers.in(1)[(tap * s.c + ic) * s.k + oc], present});
    }
  }
  return terms;
}

OutputTerms WeightGradientTerms(const Shape& s, const Buffers& buffers, std::int64_t output) {
  const std::int64_t oc = output % s.k, ic = output / s.k % s.c, tap = output / s.k / s.c;
  return OverBatch(s, [&](std::int64_t pixel) -> Term {
    const std::int64_t n = pixel / s.ow / s.oh, oh = pixel / s.ow % s.oh, ow = pixel % s.ow;
    const std::int64_t ih = oh * s.stride_h - s.pad_top + tap / s.s * s.dilation_h;
    const std::int64_t iw = ow * s.stride_w - s.pad_left + tap % s.s * s.dilation_w;
    const bool present = Inside(ih, s.h) && Inside(iw, s.w);
    const float x = present ? buffers.in(0)[((n * s.h + ih) * s.w + iw) * s.c + ic] : 0.0f;
    return {x, buffers.in(1)[pixel * s.k + oc], present};
  });
}

OutputTerms BiasGradientTerms(const Shape& s, const Buffers& buffers, std::int64_t output) {
  return OverBatch(s, [&](std::int64_t pixel) -> Term {
    return {buffers.in(0)[pixel * s.k + output], 1.0f};
  });
}

}  // namespace samebits::conv2d
