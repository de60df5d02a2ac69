#include "model/precision.h"

#include <algorithm>
#include <bit>
#include <charconv>

#include <fmt/format.h>

#include "kernels/core/error.h"

namespace samebits {
namespace {

constexpr std::int64_t kLongestInterval = std::int64_t{1} << 24;
constexpr std::string_view kDynamic = "dynamic";

// Nothing where the text is not a number from 1 on.
std::int64_t CountOf(std::string_view text) {
  std::int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  return whole ? number : 0;
}

}  // namespace

std::string_view NameOf(Precision precision) {
  switch (precision) {
    case Precision::kBfloat16:
      return "bfloat16";
    case Precision::kFloat16:
      return "float16";
    default:
      return "float32";
  }
}

Precision FindPrecision(std::string_view name) {
  for (const Precision known : {Precision::kFloat32, Precision::kBfloat16, Precision::kFloat16}) {
    if (NameOf(known) == name) return known;
  }
  throw UserError(
      fmt::format("precision '{}' is not known; there are: float32 bfloat16 float16", name));
}

LossScale LossScale::Next(const LossScaling& scaling, bool skipped) const {
  if (skipped) return {std::max(exponent - 1, 0), 0};
  if (kept + 1 < scaling.interval) return {exponent, kept + 1};
  return {std::min(exponent + 1, kLargestLossScale), 0};
}

LossScaling ParseLossScaling(const std::string& text) {
  const auto refuse = [&] {
    return UserError(
        fmt::format("loss scale '{}': not a power of two from 1 to 2^{}, 'dynamic', or "
                    "'dynamic:SCALE:INTERVAL' with the first scale and the steps until it doubles",
                    text, kLargestLossScale));
  };
  const auto exponent_of = [&](std::string_view number) {
    const auto scale = static_cast<std::uint64_t>(CountOf(number));
    if (!std::has_single_bit(scale) || std::countr_zero(scale) > kLargestLossScale) throw refuse();
    return std::countr_zero(scale);
  };
  if (text == kDynamic) return kDynamicScaling;
  if (!text.starts_with(kDynamic)) return {.exponent = exponent_of(text)};
  const std::string_view rest = std::string_view(text).substr(kDynamic.size());
  const std::size_t colon = rest.find(':', 1);
  if (rest[0] != ':' || colon == rest.npos) throw refuse();
  const std::int64_t interval = CountOf(rest.substr(colon + 1));
  if (interval < 1 || interval > kLongestInterval) throw refuse();
  return {true, exponent_of(rest.substr(1, colon - 1)), interval};
}

std::string NameOf(const LossScaling& scaling) {
  const std::int64_t scale = std::int64_t{1} << scaling.exponent;
  return scaling.dynamic ? fmt::format("{}:{}:{}", kDynamic, scale, scaling.interval)
                         : fmt::format("{}", scale);
}

}  // namespace samebits
