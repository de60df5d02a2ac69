#include "model/streams/stream.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "kernels/core/error.h"

namespace samebits {

std::span<const Stream* const> AllStreams() {
  static constexpr const Stream* kStreams[] = {&kKerasJax, &kKerasTensorflow};
  return kStreams;
}

const Stream& FindStream(std::string_view name) {
  std::string names;
  for (const Stream* stream : AllStreams()) {
    if (stream->name == name) return *stream;
    names += fmt::format(" {}", stream->name);
  }
  throw UserError(fmt::format("stream '{}' is not known; there are:{}", name, names));
}

std::vector<std::uint8_t> DropoutMask(const Stream& stream, SeedState state, std::size_t n,
                                      double rate) {
  std::vector<float> uniforms(n);
  stream.uniform(state, 0.0f, 1.0f, uniforms);
  std::vector<std::uint8_t> mask(n);
  std::transform(uniforms.begin(), uniforms.end(), mask.begin(),
                 [&](float u) { return stream.keeps(u, rate) ? 1 : 0; });
  return mask;
}

}  // namespace samebits
