#include "kernels/embedding/embedding.h"

#include <bit>
#include <limits>

#include <fmt/format.h>

#include "kernels/core/contract.h"
#include "kernels/core/error.h"
#include "kernels/core/inputs.h"
#include "kernels/core/terms.h"

namespace samebits::embedding {

Shape ShapeOf(const Case& c) {
  const Shape s{c.Get("n"), c.Get("l"), c.Get("c"), c.Get("rows"), c.Get("v", kLeaves)};
  const bool positive = s.n > 0 && s.l > 0 && s.c > 0 && s.rows > 0;
  if (!positive || s.rows > std::numeric_limits<std::int32_t>::max() ||
      !std::has_single_bit(static_cast<std::uint64_t>(s.leaves))) {
    throw UserError(fmt::format(
        "case '{}': not an embedding: an extent is below 1, the rows outnumber the ids, or the "
        "leaves are no power of two",
        c.id()));
  }
  return s;
}

namespace {

using enum DType;

Tensor Table(const char* name, const Shape& s) { return {name, kFloat32, {s.rows, s.c}}; }
Tensor Ids(const Shape& s) { return {"ids", kInt32, {s.n, s.l}}; }
Tensor Output(const char* name, const Shape& s) { return {name, kFloat32, {s.n, s.l, s.c}}; }

Signature ForwardSignature(const Case& c) {
  const Shape s = ShapeOf(c);
  return {{Table("table", s), Ids(s)}, {Output("y", s)}};
}

Signature BackwardSignature(const Case& c) {
  const Shape s = ShapeOf(c);
  return {{Ids(s), Output("dy", s)}, {Table("dtable", s)}};
}

OutputTerms BackwardTerms(const Case& c, const Buffers& buffers, std::int64_t output) {
  const Shape s = ShapeOf(c);
  OutputTerms terms{{}, kChain, {}, {}};
  for (std::int64_t leaf = 0; leaf < s.leaves; ++leaf) {
    Terms& own = terms.leaves.emplace_back();
    const std::int64_t end = LeafBegin(leaf + 1, s.n, s.leaves) * s.l;
    for (std::int64_t i = LeafBegin(leaf, s.n, s.leaves) * s.l; i < end; ++i) {
      if (buffers.in<std::int32_t>(0)[i] != output / s.c) continue;
      own.push_back({buffers.in(1)[i * s.c + output % s.c], 1.0f});
    }
  }
  return terms;
}

void Fill(const Case& c, int index, const Tensor& tensor, std::byte* data) {
  if (tensor.type != kInt32) return;
  FillLabels(c, index, ShapeOf(c).rows,
             {reinterpret_cast<std::int32_t*>(data), static_cast<std::size_t>(tensor.Elements())});
}

constexpr std::string_view kCases[] = {
    "n1l1c1_rows1",
    "n5l3c7_rows6_zeros",
    "n9l11c33_rows1000",
    "n64l16c32_rows50",
    "n3l1c300_rows2_subnormal",
    "n40l7c13_rows9_nonfinite",
    "n33l5c40_rows70000_bits",
};
// Rows that no leaf, one leaf, every leaf names; one row with a chain (256) and a segment (4,096)
// of matches in a leaf, and one match less and more; 2, 3 and 5 segments; about as many matches
// when other rows' positions lie between them; leaves without samples.
constexpr std::string_view kGradientCases[] = {
    "n1l1c1_rows1",
    "n5l3c7_rows6_cancel",
    "n9l11c33_rows1000",
    "n64l16c32_rows50_cancel",
    "n8l255c9_rows1_cancel",
    "n8l256c8_rows1_cancel",
    "n8l257c3_rows1_cancel",
    "n70l60c17_rows2_cancel",
    "n600l3c5_rows7_v2_cancel",
    "n1l4095c2_rows1_v1_cancel",
    "n16l256c9_rows1_v1_cancel",
    "n17l241c1_rows1_v1_cancel",
    "n2l8300c3_rows2_cancel",
    "n200l90c2_rows1_v1_cancel",
    "n3000l3c2_rows2_v1_cancel",
    "n3l1c300_rows2_subnormal",
    "n50l9c13_rows20_v16_zeros",
    "n7l2c9_rows20_v1_zeros",
    "n40l7c13_rows9_nonfinite",
};

constexpr std::string_view kTimed[] = {"n64l128c256_rows2000"};

}  // namespace

const Op kForward{
    .name = "embedding_fwd_v1",
    .order = "table[id]",
    .cases = kCases,
    .timed_cases = kTimed,
    .signature = ForwardSignature,
    .fill = Fill,
    .flops = nullptr,
    .splits_batch = true,
};

const Op kBackward{
    .name = "embedding_bwd_v1",
    .order = "per leaf and row, channel sum over the matching positions only; tree over leaves",
    .cases = kGradientCases,
    .timed_cases = kTimed,
    .signature = BackwardSignature,
    .fill = Fill,
    .flops = nullptr,
    .terms = BackwardTerms,
    .sums_leaves = true,
};

}  // namespace samebits::embedding
