// Where the kernels of GPUs, real and emulated, are queued, and how the rows of the registry call
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "kernels/core/op.h"

namespace samebits {

// Work on one device, done in the order it was queued.
class DeviceStream {
 public:
  virtual ~DeviceStream() = default;

  // Memory of the device, of any content, until all work queued on the stream is done.
  virtual void* ScratchBytes(std::size_t bytes) = 0;
  // A cudaStream_t.
  virtual void* handle() { return nullptr; }
  // Which of a kernel's ways is fastest hangs on them, no bit does.
  virtual int processors() = 0;
  // Throws std::runtime_error when the kernel launched last could not be.
  virtual void CheckLaunch() {}

  float* Scratch(std::int64_t floats) {
    return static_cast<float*>(ScratchBytes(static_cast<std::size_t>(floats) * sizeof(float)));
  }
};

// Throws std::runtime_error unless kernels that count elements, pixels or terms in 31 bits can
// count so many.
void CheckIndex(std::int64_t count);

// Which thread of an emulated block, and which block of a grid, goes on first.
enum Schedule : int { kInOrder = 0, kReverse = 1, kFirstRandom = 2 };  // a seed each from there on

// Of this process, for all later launches.
void SetEmulatedSchedule(int schedule);
int EmulatedSchedule();

extern const Backend kCuda;
extern const Backend kCudaEmulated;

using StreamFunction = std::function<void(const Buffers&, DeviceStream&)>;

// Copies the inputs to the GPU, runs `function` on its memory, and copies the outputs back; in a
// session (kernels/cuda/session.h) later, and where they lie. Throws std::runtime_error naming what
// failed.
void RunOnGpu(const Op& op, const Case& c, const Buffers& host, const StreamFunction& function);

// Runs `function` on the host's memory, under the schedule; in a session on memory of its own.
void RunOnEmulator(const Buffers& host, const StreamFunction& function);

// What this build has (kernels/CMakeLists.txt).
#if defined(SAMEBITS_HAVE_CUDA)
inline constexpr bool kBuiltForCuda = true;
#else
inline constexpr bool kBuiltForCuda = false;
#endif
#if defined(SAMEBITS_HAVE_EMULATOR)
inline constexpr bool kBuiltForEmulator = true;
#else
inline constexpr bool kBuiltForEmulator = false;
#endif

// For rows: function(shape_of(case), device buffers, stream).
template <const Op* op, auto shape_of, auto function>
void OnGpu(const Case& c, const Buffers& buffers, Team&) {
  if constexpr (kBuiltForCuda) {
    RunOnGpu(*op, c, buffers, [c](const Buffers& device, DeviceStream& stream) {
      function(shape_of(c), device, stream);
    });
  }
}

template <auto shape_of, auto function>
void OnEmulator(const Case& c, const Buffers& buffers, Team&) {
  if constexpr (kBuiltForEmulator) {
    RunOnEmulator(buffers, [c](const Buffers& device, DeviceStream& stream) {
      function(shape_of(c), device, stream);
    });
  }
}

// The shape of an operation that needs no more than its case.
inline const Case& WholeCase(const Case& c) { return c; }

}  // namespace samebits
