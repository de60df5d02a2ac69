#include "kernels/cuda/emulator.h"

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>
#include <boost/context/fiber.hpp>

#include "kernels/core/philox.h"
#include "kernels/cuda/stream.h"

namespace samebits::emulator {
namespace {

namespace context = boost::context;

enum class State : std::uint8_t { kReady, kAtBlockBarrier, kAtWarpBarrier, kDone };

// A permutation that is a pure function of schedule and draw (Fisher and Yates).
void Order(int by, std::uint32_t draw, std::vector<unsigned>& order) {
  std::iota(order.begin(), order.end(), 0U);
  if (by == kReverse) std::reverse(order.begin(), order.end());
  if (by < kFirstRandom) return;
  const PhiloxKey key = {static_cast<std::uint32_t>(by), draw};
  for (std::uint32_t i = static_cast<std::uint32_t>(order.size()); i > 1; --i) {
    const std::uint64_t word = Philox4x32(key, {i, 0, 0, 0})[0];
    std::swap(order[i - 1], order[word * i >> 32]);
  }
}

struct Thread {
  context::fiber fiber;
  State state = State::kReady;
  Dim index;
  unsigned mask = 0;  // of the lanes it waits for
};

struct Warp {
  unsigned waiting = 0;  // lanes at a barrier
  std::uint64_t given[kWarp];
  std::uint64_t taken[kWarp];  // what each lane gave to the barrier that was opened last
};

// One block at a time, by the fibers of the blocks before it.
class Machine {
 public:
  void Launch(Dim grid, Dim block, void (*thread)(const void*), const void* arguments) {
    const unsigned threads = block.x * block.y * block.z;
    grid_ = grid, block_ = block, thread_ = thread, arguments_ = arguments;
    by_ = EmulatedSchedule();
    draw_ = 0;
    while (threads_.size() < threads) threads_.push_back(std::make_unique<Thread>());
    warps_.resize((threads + kWarp - 1) / kWarp);
    std::vector<unsigned> blocks(std::size_t{grid.x} * grid.y * grid.z);
    Order(by_, draw_++, blocks);
    for (const unsigned b : blocks) {
      block_index_ = {b % grid.x, b / grid.x % grid.y, b / grid.x / grid.y};
      RunBlock(threads);
    }
  }

  void* Shared(const void* site, std::size_t bytes) {
    auto& memory = shared_[site];
    if (memory.empty()) {
      // Every byte 0xFF: a float or double of it is NaN.
      memory.assign(bytes + kAlignment, std::byte{0xFF});
    }
    auto address = reinterpret_cast<std::uintptr_t>(memory.data());
    address = (address + kAlignment - 1) / kAlignment * kAlignment;
    return reinterpret_cast<void*>(address);
  }

  bool BlockBarrier(bool flag) {
    any_ |= flag;
    ++at_barrier_;
    Wait(State::kAtBlockBarrier);
    return opened_any_;
  }

  const std::uint64_t* Exchange(unsigned mask, std::uint64_t value) {
    const int lane = Lane();
    Warp& warp = warps_[current_ / kWarp];
    warp.given[lane] = value;
    warp.waiting |= 1U << lane;
    threads_[current_]->mask = mask;
    Wait(State::kAtWarpBarrier);
    return warps_[current_ / kWarp].taken;
  }

  int Lane() const { return static_cast<int>(current_ % kWarp); }
  Dim thread_index() const { return threads_[current_]->index; }
  Dim block_index() const { return block_index_; }
  Dim block() const { return block_; }
  Dim grid() const { return grid_; }

 private:
  static constexpr std::size_t kAlignment = 64;

  void RunBlock(unsigned threads) {
    shared_.clear();
    at_barrier_ = 0, any_ = false;
    live_ = threads;
    for (Warp& warp : warps_) warp.waiting = 0;
    for (unsigned i = 0; i < threads; ++i) {
      threads_[i]->state = State::kReady;
      threads_[i]->index = {i % block_.x, i / block_.x % block_.y, i / block_.x / block_.y};
    }
    order_.resize(threads);
    while (live_ > 0) {
      Order(by_, draw_++, order_);
      bool moved = false;
      for (const unsigned i : order_) {
        if (threads_[i]->state != State::kReady) continue;
        moved = true;
        current_ = i;
        Resume(*threads_[i]);
        const State state = threads_[i]->state;
        if (state != State::kAtWarpBarrier) OpenBlockBarrier(threads);
        if (state == State::kAtWarpBarrier) OpenWarpBarrier(i / kWarp, threads);
      }
      if (!moved) {
        const std::string stuck = Stuck(threads);
        threads_.clear();  // or the next launch would go on in the midst of this one
        throw std::logic_error(stuck);
      }
    }
  }

  void Resume(Thread& thread) {
    if (!thread.fiber) {
      thread.fiber = context::fiber([this](context::fiber&& main) {
        main_ = std::move(main);
        for (;;) {
          thread_(arguments_);
          threads_[current_]->state = State::kDone;
          --live_;
          main_ = std::move(main_).resume();
        }
        return context::fiber();
      });
    }
    thread.fiber = std::move(thread.fiber).resume();
  }

  // Leaves the running thread until another opens what it waits at.
  void Wait(State state) {
    threads_[current_]->state = state;
    main_ = std::move(main_).resume();
  }

  void OpenBlockBarrier(unsigned threads) {
    if (at_barrier_ == 0 || at_barrier_ < live_) return;
    opened_any_ = any_;
    at_barrier_ = 0, any_ = false;
    for (unsigned i = 0; i < threads; ++i) {
      if (threads_[i]->state == State::kAtBlockBarrier) threads_[i]->state = State::kReady;
    }
  }

  void OpenWarpBarrier(unsigned warp_index, unsigned threads) {
    Warp& warp = warps_[warp_index];
    const unsigned first = warp_index * kWarp;
    const unsigned lanes = std::min<unsigned>(kWarp, threads - first);
    for (unsigned lane = 0; lane < lanes; ++lane) {
      const Thread& thread = *threads_[first + lane];
      if (thread.state != State::kAtWarpBarrier) continue;
      const unsigned mask = thread.mask;
      if ((warp.waiting & mask) != mask) continue;
      warp.waiting &= ~mask;
      for (unsigned other = 0; other < lanes; ++other) {
        if ((mask >> other & 1) == 0) continue;
        warp.taken[other] = warp.given[other];
        threads_[first + other]->state = State::kReady;
      }
    }
  }

  std::string Stuck(unsigned threads) const {
    const auto count = [&](State state) {
      return std::count_if(threads_.begin(), threads_.begin() + threads,
                           [&](const auto& thread) { return thread->state == state; });
    };
    return fmt::format(
        "block ({}, {}, {}) is stuck: {} threads wait for their block, {} for their warp, {} ended",
        block_index_.x, block_index_.y, block_index_.z, count(State::kAtBlockBarrier),
        count(State::kAtWarpBarrier), count(State::kDone));
  }

  Dim grid_, block_, block_index_;
  void (*thread_)(const void*) = nullptr;
  const void* arguments_ = nullptr;
  int by_ = kInOrder;
  std::uint32_t draw_ = 0;  // of orders, in this launch

  std::vector<std::unique_ptr<Thread>> threads_;
  std::vector<Warp> warps_;
  std::vector<unsigned> order_;
  std::map<const void*, std::vector<std::byte>> shared_;
  context::fiber main_;
  unsigned current_ = 0, live_ = 0, at_barrier_ = 0;
  bool any_ = false, opened_any_ = false;
};

// A thread's own: blocks of two launches never meet.
Machine& TheMachine() {
  thread_local Machine machine;
  return machine;
}

}  // namespace

Dim ThreadIndex() { return TheMachine().thread_index(); }
Dim BlockIndex() { return TheMachine().block_index(); }
Dim BlockSize() { return TheMachine().block(); }
Dim GridSize() { return TheMachine().grid(); }

void Launch(Dim grid, Dim block, void (*thread)(const void*), const void* arguments) {
  TheMachine().Launch(grid, block, thread, arguments);
}

void* Shared(const void* site, std::size_t bytes) { return TheMachine().Shared(site, bytes); }
bool BlockBarrier(bool flag) { return TheMachine().BlockBarrier(flag); }
const std::uint64_t* Exchange(unsigned mask, std::uint64_t value) {
  return TheMachine().Exchange(mask, value);
}
int Lane() { return TheMachine().Lane(); }

}  // namespace samebits::emulator
