// Memory for the time of a kernel's call, kept by each thread between calls.
#pragma once

#include <cstddef>
#include <cstdint>

namespace samebits {

// Scratch memory is asked for by slot, so that two uses in one call do not meet.
enum class ScratchSlot : std::uint8_t {
  kWeights,   // packed or transposed weights
  kGradient,  // packed output gradients
  kLeaves,    // one sum per leaf
  kPartials,  // a thread's waiting sums
  kPlaces,    // a thread's row pointers
  kRows,      // a thread's copies of rows
  kWidened,   // tensors of 16 bits as binary32
  kSlots
};

// At least `bytes` bytes, aligned to 64, of any content; they last until this thread asks for more
// in the same slot. Throws std::bad_alloc.
void* ScratchBytes(ScratchSlot slot, std::size_t bytes);

// While it lives, all threads get their scratch memory filled with NaNs each time they ask, so that
// a kernel that counts on what the memory holds shows.
class ScratchPoison {
 public:
  ScratchPoison();
  ~ScratchPoison();
  ScratchPoison(const ScratchPoison&) = delete;
  ScratchPoison& operator=(const ScratchPoison&) = delete;
};

inline float* Scratch(ScratchSlot slot, std::int64_t floats) {
  return static_cast<float*>(ScratchBytes(slot, static_cast<std::size_t>(floats) * sizeof(float)));
}

}  // namespace samebits
