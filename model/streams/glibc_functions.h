// The elementary functions behind TensorFlow's normal distributions on a CPU: logf and sincosf as
// glibc has had them since version 2.28 (the algorithms of ARM's optimized-routines). Binary64
// inside, one rounding to binary32 at the end; the results are the same with and without fused
// products. They are not correctly rounded, and the correctly rounded functions give other weights.
#pragma once

namespace samebits {

// log(x), x positive and normal.
float GlibcLog(float x);

struct SinCos {
  float sin, cos;
};

// 0 <= x < 120, in radians.
SinCos GlibcSinCos(float x);

}  // namespace samebits
