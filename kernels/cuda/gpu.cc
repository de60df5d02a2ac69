// A GPU by the CUDA runtime.
#include <cuda_runtime.h>

#include <stdexcept>
#include <vector>

#include <fmt/format.h>

#include "kernels/cuda/session.h"
#include "kernels/cuda/stream.h"

namespace samebits {
namespace {

void Check(cudaError_t error, std::string_view what) {
  if (error == cudaSuccess) return;
  throw std::runtime_error(fmt::format("CUDA: {}: {}", what, cudaGetErrorString(error)));
}

int Processors() {
  int device = 0, processors = 0;
  Check(cudaGetDevice(&device), "the device");
  Check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device),
        "its processors");
  return processors;
}

class GpuStream : public DeviceStream {
 public:
  GpuStream() { Check(cudaStreamCreate(&stream_), "a stream"); }
  ~GpuStream() override {
    cudaStreamSynchronize(stream_);
    for (void* memory : memory_) cudaFreeAsync(memory, stream_);
    cudaStreamDestroy(stream_);
  }
  GpuStream(const GpuStream&) = delete;
  GpuStream& operator=(const GpuStream&) = delete;

  void* ScratchBytes(std::size_t bytes) override {
    void* memory = nullptr;
    Check(cudaMallocAsync(&memory, bytes == 0 ? 1 : bytes, stream_), "memory");
    memory_.push_back(memory);
    return memory;
  }
  void* handle() override { return stream_; }
  int processors() override { return Processors(); }
  void CheckLaunch() override { Check(cudaGetLastError(), "a launch"); }

  void Copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
    Check(cudaMemcpyAsync(to, from, bytes, kind, stream_), "a copy");
  }
  void Wait() { Check(cudaStreamSynchronize(stream_), "a kernel"); }

 private:
  cudaStream_t stream_ = nullptr;
  std::vector<void*> memory_;
};

class GpuGraph : public DeviceGraph {
 public:
  GpuGraph(cudaGraph_t graph, cudaStream_t stream) : stream_(stream) {
    const cudaError_t error = cudaGraphInstantiate(&graph_, graph, 0);
    cudaGraphDestroy(graph);
    Check(error, "a graph");
  }
  ~GpuGraph() override { cudaGraphExecDestroy(graph_); }
  GpuGraph(const GpuGraph&) = delete;
  GpuGraph& operator=(const GpuGraph&) = delete;

  void Launch() override { Check(cudaGraphLaunch(graph_, stream_), "a launch of a graph"); }

 private:
  cudaStream_t stream_;
  cudaGraphExec_t graph_ = nullptr;
};

class Gpu : public Device {
 public:
  Gpu() {
    Check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "a stream");
    Check(cudaStreamCreateWithFlags(&uploads_, cudaStreamNonBlocking), "a stream");
    Check(cudaEventCreateWithFlags(&uploaded_, cudaEventDisableTiming), "an event");
  }
  ~Gpu() override {
    cudaStreamSynchronize(uploads_);
    cudaStreamSynchronize(stream_);
    for (void* memory : memory_) cudaFree(memory);
    for (void* memory : host_memory_) cudaFreeHost(memory);
    cudaEventDestroy(uploaded_);
    cudaStreamDestroy(uploads_);
    cudaStreamDestroy(stream_);
  }
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;

  void* Allocate(std::size_t bytes) override {
    Check(cudaMalloc(&memory_.emplace_back(), bytes == 0 ? 1 : bytes), "memory");
    return memory_.back();
  }
  void* AllocateOnHost(std::size_t bytes) override {
    Check(cudaMallocHost(&host_memory_.emplace_back(), bytes == 0 ? 1 : bytes), "memory");
    return host_memory_.back();
  }
  void Upload(void* to, const void* from, std::size_t bytes) override {
    Check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_), "a copy");
  }
  void Download(void* to, const void* from, std::size_t bytes) override {
    Check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_), "a copy");
  }
  void Copy(void* to, const void* from, std::size_t bytes) override {
    Check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_), "a copy");
  }
  void UploadBeside(void* to, const void* from, std::size_t bytes) override {
    Check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, uploads_), "a copy");
  }
  void JoinUploads() override {
    Check(cudaEventRecord(uploaded_, uploads_), "an event");
    Check(cudaStreamWaitEvent(stream_, uploaded_, 0), "an event");
  }
  void Wait() override { Check(cudaStreamSynchronize(stream_), "a kernel"); }

  std::unique_ptr<DeviceGraph> Capture(const std::function<void()>& work) override {
    Check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "a capture");
    cudaGraph_t graph = nullptr;
    try {
      work();
    } catch (...) {
      if (cudaStreamEndCapture(stream_, &graph) == cudaSuccess) cudaGraphDestroy(graph);
      throw;
    }
    Check(cudaStreamEndCapture(stream_, &graph), "a capture");
    return std::make_unique<GpuGraph>(graph, stream_);
  }

  void* handle() override { return stream_; }
  int processors() override { return Processors(); }
  void CheckLaunch() override { Check(cudaGetLastError(), "a launch"); }

 private:
  cudaStream_t stream_ = nullptr, uploads_ = nullptr;
  cudaEvent_t uploaded_ = nullptr;
  std::vector<void*> memory_, host_memory_;
};

std::string NoGpu() {
  int devices = 0;
  const cudaError_t error = cudaGetDeviceCount(&devices);
  if (error != cudaSuccess) return fmt::format("no GPU: {}", cudaGetErrorString(error));
  return devices == 0 ? "no GPU" : "";
}

}  // namespace

const Backend kCuda{"cuda", NoGpu};

std::unique_ptr<Device> OpenGpu() { return std::make_unique<Gpu>(); }

void RunOnGpu(const Op& op, const Case& c, const Buffers& host, const StreamFunction& function) {
  if (DeviceSession::PutOff(host, function)) return;
  const Signature signature = op.signature(c);
  GpuStream stream;
  Buffers device;
  for (std::size_t i = 0; i < signature.inputs.size(); ++i) {
    const std::size_t bytes = signature.inputs[i].Bytes();
    void* const memory = stream.ScratchBytes(bytes);
    stream.Copy(memory, host.inputs[i], bytes, cudaMemcpyHostToDevice);
    device.inputs[i] = memory;
  }
  for (std::size_t i = 0; i < signature.outputs.size(); ++i) {
    device.outputs[i] = stream.ScratchBytes(signature.outputs[i].Bytes());
  }
  function(device, stream);
  for (std::size_t i = 0; i < signature.outputs.size(); ++i) {
    stream.Copy(host.outputs[i], device.outputs[i], signature.outputs[i].Bytes(),
                cudaMemcpyDeviceToHost);
  }
  stream.Wait();
}

}  // namespace samebits
