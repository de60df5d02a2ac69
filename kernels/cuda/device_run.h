// Work on tensors that stay on their device, so that it can be timed alone.
#pragma once

#include <memory>

#include "kernels/core/op.h"
#include "kernels/cuda/session.h"

namespace samebits {

class DeviceRun {
 public:
  // Runs the kernel once. The buffers are the host's; what the outputs hold is left to the device.
  DeviceRun(const Kernel& kernel, const Case& c, const Buffers& buffers, Team& team);

  // So many times, one after the other, and waits for the last.
  void Run(int times) { session_.Repeat(times); }

 private:
  DeviceSession session_;
};

// What moving so many bytes so many times takes: half of them are read, half written.
class DeviceCopy {
 public:
  DeviceCopy(const Backend& backend, std::size_t bytes, int times);

  void Run();

 private:
  const std::unique_ptr<Device> device_;
  std::unique_ptr<DeviceGraph> graph_;
};

}  // namespace samebits
