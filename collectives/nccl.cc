// Ranks over NCCL, a GPU each: a module of its own, loaded where it is asked for. Tensors lie in
// the GPU's memory; what ranks tell each other beside them goes over MPI, which also starts them.
#include <cuda_runtime.h>
#include <nccl.h>
#include <sched.h>

#include <chrono>

#include "collectives/engine.h"
#include "collectives/sum_parts.h"

namespace samebits {
namespace {

using Clock = std::chrono::steady_clock;

void Check(cudaError_t code, const char* what) {
  if (code == cudaSuccess) return;
  throw std::runtime_error(std::string("CUDA: ") + what + ": " + cudaGetErrorString(code));
}

void Check(ncclResult_t code, const char* what) {
  if (code == ncclSuccess) return;
  throw std::runtime_error(std::string("NCCL: ") + what + ": " + ncclGetErrorString(code));
}

// Messages of the stream up to here.
class NcclPending : public Pending {
 public:
  NcclPending(ncclComm_t ranks, cudaStream_t stream, std::chrono::duration<double> deadline,
              int peer)
      : ranks_(ranks), deadline_(deadline), peer_(peer) {
    Check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "event");
    Check(cudaEventRecord(event_, stream), "event");
  }
  ~NcclPending() override { cudaEventDestroy(event_); }

  void Wait() override {
    const Clock::time_point begin = Clock::now();
    while (true) {
      const cudaError_t state = cudaEventQuery(event_);
      if (state == cudaSuccess) return;
      if (state != cudaErrorNotReady) Check(state, "wait");
      ncclResult_t fault = ncclSuccess;
      Check(ncclCommGetAsyncError(ranks_, &fault), "wait");
      Check(fault, "a message");
      if (Clock::now() - begin > deadline_) {
        const std::string seconds = std::to_string(static_cast<int>(deadline_.count()));
        throw RankLost(peer_, "rank " + std::to_string(peer_) +
                                  " or one that it waits for has not answered for " + seconds +
                                  " s");
      }
      ::sched_yield();
    }
  }

 private:
  const ncclComm_t ranks_;
  const std::chrono::duration<double> deadline_;
  const int peer_;
  cudaEvent_t event_ = nullptr;
};

constexpr std::string_view kAllReduce = "nccl_default";

class NcclTransport : public Transport, public Place {
 public:
  NcclTransport(std::chrono::duration<double> deadline, Transport* control)
      : deadline_(deadline), control_(control) {
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
      throw std::runtime_error("--ranks nccl: this machine has no GPU");
    }
    Check(cudaSetDevice(rank() % devices), "device");
    ncclUniqueId id{};
    if (rank() == 0) Check(ncclGetUniqueId(&id), "start");
    TellAll(id);
    Check(ncclCommInitRank(&ranks_, size(), id, rank()), "start");
    Check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "stream");
  }

  ~NcclTransport() override {
    ncclCommDestroy(ranks_);
    cudaStreamDestroy(stream_);
  }

  int rank() const override { return control_ == nullptr ? 0 : control_->rank(); }
  int size() const override { return control_ == nullptr ? 1 : control_->size(); }
  Place* place() override { return this; }

  // All messages of a round lie in one kind of memory.
  std::unique_ptr<Pending> Start(std::span<const Send> sends,
                                 std::span<const Receive> receives) override {
    const void* const any = !sends.empty()      ? sends[0].data
                            : !receives.empty() ? receives[0].data
                                                : nullptr;
    if (any != nullptr && !Holds(any)) return control_->Start(sends, receives);
    Check(ncclGroupStart(), "messages");
    for (const Send& send : sends) {
      Check(ncclSend(send.data, send.bytes, ncclUint8, send.to, ranks_, stream_), "send");
    }
    for (const Receive& receive : receives) {
      Check(ncclRecv(receive.data, receive.bytes, ncclUint8, receive.from, ranks_, stream_),
            "receive");
    }
    Check(ncclGroupEnd(), "messages");
    const int peer = !receives.empty() ? receives[0].from : !sends.empty() ? sends[0].to : rank();
    return std::make_unique<NcclPending>(ranks_, stream_, deadline_, peer);
  }

  std::shared_ptr<float> Allocate(std::size_t floats) override {
    void* memory = nullptr;
    Check(cudaMalloc(&memory, floats * sizeof(float)), "memory");
    return {static_cast<float*>(memory), [](float* floats) { cudaFree(floats); }};
  }
  bool Holds(const void* data) override {
    cudaPointerAttributes attributes{};
    return cudaPointerGetAttributes(&attributes, data) == cudaSuccess &&
           attributes.type == cudaMemoryTypeDevice;
  }
  void Copy(const float* from, float* to, std::size_t floats) override {
    Check(cudaMemcpyAsync(to, from, floats * sizeof(float), cudaMemcpyDefault, stream_), "copy");
    Check(cudaStreamSynchronize(stream_), "copy");
  }
  void SumParts(const float* const* parts, std::span<const int> merges, std::int64_t elements,
                float* const* sums) override {
    Check(SumPartsOnDevice(parts, merges, elements, sums, stream_), "sum");
  }

  std::vector<std::string> OwnAllReduces() override { return {std::string(kAllReduce)}; }
  void OwnAllReduce(std::string_view, float* data, std::size_t elements) override {
    const std::shared_ptr<float> device = Allocate(elements);
    Copy(data, device.get(), elements);
    Check(ncclAllReduce(device.get(), device.get(), elements, ncclFloat, ncclSum, ranks_, stream_),
          "all-reduce");
    Copy(device.get(), data, elements);
  }

 private:
  // The first rank's.
  void TellAll(ncclUniqueId& id) {
    std::vector<Send> sends;
    std::vector<Receive> receives;
    for (int other = 1; rank() == 0 && other < size(); ++other) {
      sends.push_back({other, &id, sizeof id});
    }
    if (rank() > 0) receives.push_back({0, &id, sizeof id});
    if (size() > 1) control_->Start(sends, receives)->Wait();
  }

  const std::chrono::duration<double> deadline_;
  Transport* const control_;
  ncclComm_t ranks_ = nullptr;
  cudaStream_t stream_ = nullptr;
};

}  // namespace
}  // namespace samebits

samebits::Transport* samebits_transport(double deadline, samebits::Transport* control) {
  return new samebits::NcclTransport(std::chrono::duration<double>(deadline), control);
}
