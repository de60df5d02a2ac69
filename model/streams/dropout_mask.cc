#include "model/streams/dropout_mask.h"

#include <cmath>
#include <cstddef>
#include <vector>

namespace samebits {

std::uint32_t KeepBound(double rate) {
  const auto keep_probability = static_cast<float>(1.0 - rate);
  return static_cast<std::uint32_t>(std::ceil(std::ldexp(double{keep_probability}, 23)));
}

bool KeepElement(ThreefryKey key, std::uint32_t e, std::uint32_t n, double rate) {
  return UnitUniform(ThreefryWord(key, e, n)) < static_cast<float>(1.0 - rate);
}

void DropoutMask(ThreefryKey key, double rate, std::span<std::uint8_t> keep) {
  std::vector<std::uint32_t> words(keep.size());
  ThreefryWords(key, words);
  const std::uint32_t bound = KeepBound(rate);
  for (std::size_t e = 0; e < keep.size(); ++e) keep[e] = (words[e] >> 9) < bound ? 1 : 0;
}

}  // namespace samebits
