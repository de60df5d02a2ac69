#include "kernels/core/scratch.h"

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <new>

namespace samebits {
namespace {

constexpr std::size_t kAlignment = 64;

struct Free {
  void operator()(std::byte* bytes) const {
    ::operator delete[](bytes, std::align_val_t(kAlignment));
  }
};

struct Block {
  std::unique_ptr<std::byte[], Free> bytes;
  std::size_t size = 0;
};

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
    block.bytes.reset(new (std::align_val_t(kAlignment)) std::byte[bytes]);
    block.size = bytes;
  }
  if (poisoned) std::memset(block.bytes.get(), kPoison, bytes);
  return block.bytes.get();
}

}  // namespace samebits
