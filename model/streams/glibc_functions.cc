#include "model/streams/glibc_functions.h"

#include "kernels/math/stream_functions.h"

namespace samebits {

float GlibcLog(float x) { return stream_functions::LogByGlibc(x); }

SinCos GlibcSinCos(float x) {
  const auto [sin, cos] = stream_functions::SinCosByGlibc(x);
  return {sin, cos};
}

}  // namespace samebits
