// What this machine can do at most, measured: multiplications with additions, and bytes moved.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "kernels/core/team.h"

namespace samebits {

// Fused multiply-adds in registers, on all threads of the team. Returns how many operations (an fma
// counts two) a call makes.
double RunFusedMultiplyAdds(Team& team);

// STREAM's triad, a[i] = b[i] + s * c[i], over `bytes` in all.
class Triad {
 public:
  explicit Triad(std::size_t bytes);
  void Run(Team& team);

 private:
  const std::int64_t n_;
  std::unique_ptr<float[]> a_, b_, c_;
};

struct Peak {
  int threads;
  double gflops;  // of fused multiply-adds
  double gbs;     // of the triad, over more than caches hold
};

Peak MeasurePeak(int threads);

}  // namespace samebits
