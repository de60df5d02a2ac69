// Tensors that stay on a device from kernel to kernel, and kernels that are put off until the host
// needs what comes of them. What was put off is a program; one that comes again, the same kernels
// in the same order on the same tensors, is launched as one graph.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernels/core/op.h"
#include "kernels/cuda/stream.h"

namespace samebits {

// Work that was captured.
class DeviceGraph {
 public:
  virtual ~DeviceGraph() = default;
  virtual void Launch() = 0;
};

// What a session asks of a device, which does it in that order. Memory lasts as long as the device.
class Device {
 public:
  virtual ~Device() = default;

  virtual void* Allocate(std::size_t bytes) = 0;
  // Memory of the host that is copied from and to without a copy in between.
  virtual void* AllocateOnHost(std::size_t bytes) = 0;
  virtual void Upload(void* to, const void* from, std::size_t bytes) = 0;
  virtual void Download(void* to, const void* from, std::size_t bytes) = 0;
  virtual void Copy(void* to, const void* from, std::size_t bytes) = 0;  // on the device
  // Beside all else: done at any time up to JoinUploads(), which comes before what is asked for
  // next. The bytes of the host must stay as they are until then, and until the device is waited
  // for.
  virtual void UploadBeside(void* to, const void* from, std::size_t bytes) = 0;
  virtual void JoinUploads() = 0;
  // Until all that was asked for, and joined, is done.
  virtual void Wait() = 0;
  // What `work` asks for is not done, but kept. The graph must not outlive the device.
  virtual std::unique_ptr<DeviceGraph> Capture(const std::function<void()>& work) = 0;

  virtual void* handle() { return nullptr; }  // a cudaStream_t
  virtual int processors() = 0;
  virtual void CheckLaunch() {}
};

// Of this backend, kCuda or kCudaEmulated. Throws std::runtime_error naming what failed.
std::unique_ptr<Device> OpenDevice(const Backend& backend);
std::unique_ptr<Device> OpenGpu();
std::unique_ptr<Device> OpenEmulator();

class DeviceSession {
 public:
  explicit DeviceSession(std::unique_ptr<Device> device) : device_(std::move(device)) {}
  DeviceSession(const DeviceSession&) = delete;
  DeviceSession& operator=(const DeviceSession&) = delete;

  // From now on these bytes of the host have a copy on the device, which kernels use. They must not
  // move. All other inputs of kernels are copied when the kernel is run, other outputs when the
  // session is flushed.
  void Keep(void* host, std::size_t bytes);
  // The host's copy of kept bytes is that of the device, until a kernel is run.
  void Read(const void* host);
  // The host has written to kept bytes.
  void Wrote(const void* host);
  // Copies these bytes to the device while it does something else. The next kernel whose input they
  // are, or lie in, finds them there.
  void Prefetch(const void* host, std::size_t bytes);
  // The device begins with what was put off.
  void Start();
  // The same, and all outputs that are not kept are there.
  void Flush();
  // What was flushed last, so many times more in one graph, on what lies on the device. Of its
  // results what is not kept stays there.
  void Repeat(int times);

  // How often a program was launched as a graph.
  std::int64_t graphs_launched() const { return graphs_launched_; }

  // While it lives, the kernel that this thread runs, of that case, belongs to the session.
  class Scope {
   public:
    Scope(DeviceSession* session, const Op& op, const Case& c);  // null: to none
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    friend DeviceSession;
    DeviceSession* const session_;
    const Op& op_;
    const Case& case_;
    const Scope* const outer_;
  };
  // Puts off the kernel, where there is a scope; false where there is none.
  static bool PutOff(const Buffers& host, const StreamFunction& function);

 private:
  // A tensor of the host with a copy on the device.
  struct Kept {
    std::byte* host;
    std::size_t bytes;
    std::byte* device;
    bool host_is_newer = true, device_is_newer = false;
  };
  // Room on both sides for a tensor that is not kept. A program's n-th of a size is always the
  // same.
  struct Slot {
    std::byte* host;
    std::byte* device;
    std::size_t bytes;
  };
  // A tensor that was copied ahead of the kernels that use it. While the device reads it, the next
  // one is copied to another slot: what comes again are two programs, by turns.
  struct Ahead {
    const std::byte* host;
    Slot slot;
    bool used = false;  // by what was put off, or runs
  };
  struct Result {
    Slot slot;
    void* to;
  };
  struct Memory {
    void* address;
    std::size_t bytes;
  };
  struct Call {
    StreamFunction function;
    Buffers device;
    std::vector<Memory> scratch;
  };
  struct Program {
    std::vector<Slot> inputs;
    std::vector<Call> calls;
    std::vector<Result> results;
    std::unique_ptr<DeviceGraph> graph;
    std::unique_ptr<DeviceGraph> repetition;  // of all that, so many times
    int times = 0;
  };
  class Stream;

  void Record(const Op& op, const Case& c, const Buffers& host, const StreamFunction& function);
  Kept* Find(const void* host);
  void* PlaceOfInput(const void* host, std::size_t bytes);
  // Null where these bytes, as they are now, were not copied ahead.
  Ahead* FindAhead(const void* host, std::size_t bytes);
  void* PlaceOfOutput(void* host, std::size_t bytes);
  // Whether the bytes are among the results of what was put off.
  bool IsAwaited(const void* host, std::size_t bytes) const;
  Slot NewSlot(std::size_t bytes);
  Slot NextSlot(std::size_t bytes);
  void Do(Program& program);
  void Launch(Program& program);
  // Of what was started.
  void Finish();

  std::unique_ptr<Device> device_;
  std::map<const std::byte*, Kept> kept_;                      // by their first bytes
  std::map<std::pair<std::size_t, std::size_t>, Slot> slots_;  // by place in a program and size
  std::map<std::string, Program> programs_;                    // by all that they do
  Program pending_;
  Program* last_ = nullptr;      // started
  std::vector<Result> awaited_;  // of what was started
  bool runs_ = false;            // or may: it was not waited for
  std::vector<Ahead> ahead_;
  std::vector<Slot> spare_;  // of tensors that were ahead
  std::string pending_name_;
  std::map<std::pair<const void*, std::size_t>, Slot> copied_;  // inputs of the pending program
  std::size_t next_slot_ = 0;
  std::int64_t graphs_launched_ = 0;
};

}  // namespace samebits
