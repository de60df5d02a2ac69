// Other work on the GPU, as long as it lives: from a second stream, so that blocks of two kernels
// share its processors, and those of a kernel come and go in other orders than when it is alone.
#pragma once

#include <memory>

namespace samebits {

class GpuContention {
 public:
  // The GPU is busy from here on. Throws std::runtime_error naming what failed.
  GpuContention();
  ~GpuContention();
  GpuContention(const GpuContention&) = delete;
  GpuContention& operator=(const GpuContention&) = delete;

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

}  // namespace samebits
