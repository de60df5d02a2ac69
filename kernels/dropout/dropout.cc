#include "kernels/dropout/dropout.h"

#include <cmath>

#include <fmt/format.h>

#include "kernels/core/error.h"
#include "kernels/core/inputs.h"
#include "kernels/core/philox.h"

namespace samebits::dropout {

std::uint32_t KeepBound(double rate) {
  const auto keep_probability = static_cast<float>(1.0 - rate);
  return static_cast<std::uint32_t>(std::ceil(std::ldexp(double{keep_probability}, 23)));
}

std::uint32_t DropBound(double rate) {
  return static_cast<std::uint32_t>(std::ceil(std::ldexp(double{static_cast<float>(rate)}, 23)));
}

PhiloxWords PhiloxWordsOf(const std::int64_t* stream) {
  const PhiloxStream philox = PhiloxStream::OfSeed(static_cast<std::uint32_t>(stream[0]),
                                                   static_cast<std::uint32_t>(stream[1]));
  return {philox.key[0], philox.key[1], philox.high[0], philox.high[1]};
}

Shape ShapeOf(const Case& c) {
  const std::int64_t n = c.Get("n"), millionths = c.Get("rate");
  const std::int64_t first = c.Get("first", 0), of = c.Get("of", n);
  if (n < 1 || first + n > of || of >= std::int64_t{1} << 32 || millionths < 0 ||
      millionths >= 1000000) {
    throw UserError(
        fmt::format("case '{}': not a dropout: n must be 1 to 2^32 - 1 and end within the "
                    "batch, and rate be 0 to 999999 millionths",
                    c.id()));
  }
  const double rate = static_cast<double>(millionths) / 1e6;
  return {n,
          first,
          of,
          static_cast<float>(1.0 / (1.0 - rate)),
          c.Has("tensorflow"),
          KeepBound(rate),
          DropBound(rate)};
}

namespace {

using enum DType;

Signature ForwardSignature(const Case& c) {
  const std::int64_t n = ShapeOf(c).n;
  return {{{"x", kFloat32, {n}}, {"stream", kInt64, {2}}}, {{"y", kFloat32, {n}}}};
}

Signature BackwardSignature(const Case& c) {
  const std::int64_t n = ShapeOf(c).n;
  return {{{"dy", kFloat32, {n}}, {"stream", kInt64, {2}}}, {{"dx", kFloat32, {n}}}};
}

Signature MaskSignature(const Case& c) {
  return {{{"stream", kInt64, {2}}}, {{"kept", kUint8, {ShapeOf(c).n}}}};
}

Signature MaskedSignature(const Case& c) {
  const std::int64_t n = ShapeOf(c).n;
  return {{{"x", kFloat32, {n}}, {"kept", kUint8, {n}}}, {{"y", kFloat32, {n}}}};
}

void Fill(const Case& c, int index, const Tensor& tensor, std::byte* data) {
  if (tensor.type == kInt64) {
    auto* stream = reinterpret_cast<std::int64_t*>(data);
    stream[0] = c.Get("draw");
    stream[1] = c.Get("call");
  } else if (tensor.type == kUint8) {
    FillBytes(c, index, 2,
              {reinterpret_cast<std::uint8_t*>(data), static_cast<std::size_t>(tensor.Elements())});
  }
}

constexpr std::string_view kCases[] = {
    "n1_rate200000_draw426286787call0",
    "n777_rate333333_draw12345call40_nonfinite",
    "n2_rate200000_draw1call1",
    "n9_rate0_draw7call3",
    "n4096_rate200000_draw426286787call0",
    "n5001_rate200000_draw975629005call1875",
    "n1003_rate500000_draw1000000000call2_zeros",
    "n2050_rate999999_draw99call5_subnormal",
    "n1001_rate200000_draw31call6_tiny",
    "n1_rate200000_draw33636388call0_tensorflow",
    "n778_rate333333_draw12345call40_tensorflow_nonfinite",
    "n4099_rate200000_draw426286787call1_tensorflow",
    "n66001_rate999999_draw999999999call9_tensorflow_zeros",
    "n300first0of1001_rate200000_draw7call1",
    "n700first150of1001_rate200000_draw7call1",
    "n501first500of1001_rate200000_draw7call1",
    "n401first600of1001_rate200000_draw7call1",
    "n9000first4500of18000_rate200000_draw7call1",
    "n203first598of1001_rate200000_draw7call1_tensorflow",
};

// Parts of a batch with words of a block's first half alone, of its second, and of both.
constexpr std::string_view kMaskCases[] = {
    "n1_rate200000_draw426286787call0",
    "n2_rate200000_draw1call1",
    "n9_rate0_draw7call3",
    "n4096_rate200000_draw426286787call0",
    "n5001_rate200000_draw975629005call1875",
    "n2050_rate999999_draw99call5",
    "n4099_rate200000_draw426286787call1_tensorflow",
    "n300first0of1001_rate200000_draw7call1",
    "n700first150of1001_rate200000_draw7call1",
    "n501first500of1001_rate200000_draw7call1",
    "n401first600of1001_rate200000_draw7call1",
    "n9000first4500of18000_rate200000_draw7call1",
    "n203first598of1001_rate200000_draw7call1_tensorflow",
};
constexpr std::string_view kMaskedCases[] = {
    "n1_rate200000",          "n777_rate333333_nonfinite", "n2050_rate999999_subnormal",
    "n1003_rate500000_zeros", "n9001_rate200000",
};

// The recipe's first layer, and what no cache holds.
constexpr std::string_view kTimed[] = {
    "n460800_rate200000_draw426286787call0",
    "n8388608_rate200000_draw426286787call0",
};
constexpr std::string_view kMaskedTimed[] = {"n460800_rate200000", "n8388608_rate200000"};

}  // namespace

const Op kForward{
    .name = "dropout_fwd_v1",
    .order = "x * scale where the stream keeps it, else +0",
    .cases = kCases,
    .timed_cases = kTimed,
    .signature = ForwardSignature,
    .fill = Fill,
    .flops = nullptr,
};

const Op kBackward{
    .name = "dropout_bwd_v1",
    .order = "dy * scale where the stream keeps it, else +0",
    .cases = kCases,
    .timed_cases = kTimed,
    .signature = BackwardSignature,
    .fill = Fill,
    .flops = nullptr,
};

const Op kMask{
    .name = "dropout_mask_v1",
    .order = "1 where the stream keeps it, else 0",
    .cases = kMaskCases,
    .timed_cases = {},
    .signature = MaskSignature,
    .fill = Fill,
    .flops = nullptr,
};

const Op kMasked{
    .name = "dropout_masked_v1",
    .order = "x * scale where kept, else +0",
    .cases = kMaskedCases,
    .timed_cases = kMaskedTimed,
    .signature = MaskedSignature,
    .fill = Fill,
    .flops = nullptr,
};

}  // namespace samebits::dropout
