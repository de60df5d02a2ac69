// The elementary functions behind JAX's normal distributions, as XLA computes them on a CPU:
// binary32 throughout, and every product that is added is fused. No function here is correctly
// rounded, and the correctly rounded ones give other weights.
#pragma once

namespace samebits {

// log(x), x positive and normal.
float XlaLog(float x);

// log(1 + x), x > -1.
float XlaLog1p(float x);

// The inverse of erf, |x| < 1 (M. Giles, "Approximating the erfinv function", 2010).
float XlaErfInv(float x);

}  // namespace samebits
