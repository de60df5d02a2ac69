// Runs CUDA kernels on this processor: every thread of a block is a fiber that stops only where
// the kernel synchronises. A block runs under a schedule, the order in which its threads go on, so
// that a result that hangs on that order shows.
//
// Nothing here is inline: the kernels are built for another ISA than the rest.
#pragma once

#include <cstddef>
#include <cstdint>

namespace samebits::emulator {

// As CUDA's dim3 and its special registers.
struct Dim {
  unsigned x = 1, y = 1, z = 1;
};

inline constexpr int kWarp = 32;

// Of the thread that runs now.
Dim ThreadIndex();
Dim BlockIndex();
Dim BlockSize();
Dim GridSize();

// Runs thread(arguments) for every thread of the grid. Throws std::logic_error naming what waits
// for what when no thread can go on.
void Launch(Dim grid, Dim block, void (*thread)(const void*), const void* arguments);

// Memory that the threads of a block share, the same for each `site`: NaNs when the block starts.
void* Shared(const void* site, std::size_t bytes);

// Waits for all threads of the block; whether any of them gave `flag`.
bool BlockBarrier(bool flag);

// Waits for the lanes of `mask`, which must hold the caller's. What each lane of them gave, until
// the caller's next one.
const std::uint64_t* Exchange(unsigned mask, std::uint64_t value);

// The lane of the running thread.
int Lane();

}  // namespace samebits::emulator
