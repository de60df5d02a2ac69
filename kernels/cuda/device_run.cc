#include "kernels/cuda/device_run.h"

namespace samebits {

DeviceRun::DeviceRun(const Kernel& kernel, const Case& c, const Buffers& buffers, Team& team)
    : session_(OpenDevice(*kernel.backend)) {
  const Signature signature = kernel.op->signature(c);
  for (std::size_t i = 0; i < signature.inputs.size(); ++i) {
    session_.Keep(const_cast<void*>(buffers.inputs[i]), signature.inputs[i].Bytes());
  }
  for (std::size_t i = 0; i < signature.outputs.size(); ++i) {
    session_.Keep(buffers.outputs[i], signature.outputs[i].Bytes());
  }
  const DeviceSession::Scope scope(&session_, *kernel.op, c);
  samebits::Run(kernel, c, buffers, team);
  session_.Flush();
}

DeviceCopy::DeviceCopy(const Backend& backend, std::size_t bytes, int times)
    : device_(OpenDevice(backend)) {
  void *const from = device_->Allocate(bytes / 2), *const to = device_->Allocate(bytes / 2);
  graph_ = device_->Capture([device = device_.get(), from, to, bytes, times] {
    for (int i = 0; i < times; ++i) device->Copy(to, from, bytes / 2);
  });
}

void DeviceCopy::Run() {
  graph_->Launch();
  device_->Wait();
}

}  // namespace samebits
