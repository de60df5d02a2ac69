#include "kernels/core/scratch.h"

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <new>

namespace samebits {
namespace {

constexpr std::align_val_t kLine{64};
constexpr std::align_val_t kHugePage{std::size_t{2} << 20};

struct Free {
  std::align_val_t alignment = kLine;
  void operator()(std::byte* bytes) const { ::operator delete[](bytes, alignment); }
};

struct Block {
  std::unique_ptr<std::byte[], Free> bytes;
  std::size_t size = 0;
};

// Large blocks ask for huge pages: a packed matrix is read all over, and finding its many small
// pages is 5 % of a product of 2048 x 2048.
std::unique_ptr<std::byte[], Free> Allocate(std::size_t bytes) {
  const bool huge = bytes >= static_cast<std::size_t>(kHugePage);
  const std::align_val_t alignment = huge ? kHugePage : kLine;
  std::unique_ptr<std::byte[], Free> block(new (alignment) std::byte[bytes], Free{alignment});
  if (huge) madvise(block.get(), bytes, MADV_HUGEPAGE);  // a wish: no matter if it is refused
  return block;
}

// Every byte of poisoned memory: as floats, NaNs.
constexpr int kPoison = 0xff;
std::atomic<bool> poisoned{false};

}  // namespace

ScratchPoison::ScratchPoison() { poisoned = true; }
ScratchPoison::~ScratchPoison() { poisoned = false; }

void* ScratchBytes(ScratchSlot slot, std::size_t bytes) {
  static thread_local std::array<Block, static_cast<std::size_t>(ScratchSlot::kSlots)> blocks;
  Block& block = blocks[static_cast<std::size_t>(slot)];
  if (block.size < bytes || block.bytes == nullptr) {
    block.bytes.reset();
    block.bytes = Allocate(bytes);
    block.size = bytes;
  }
  if (poisoned) std::memset(block.bytes.get(), kPoison, bytes);
  return block.bytes.get();
}

}  // namespace samebits
