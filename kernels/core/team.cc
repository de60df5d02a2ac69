#include "kernels/core/team.h"

#include "kernels/core/floating_point.h"

namespace samebits {
namespace {

// A step of training has about thirty jobs of a fraction of a millisecond: a short wait spins
// (a few microseconds) before it sleeps, but never when there are more threads than cores.
constexpr int kSpins = 2000;

int SpinsFor(int threads) {
  return threads <= static_cast<int>(std::thread::hardware_concurrency()) ? kSpins : 0;
}

template <class T>
void WaitWhile(const std::atomic<T>& value, T unwanted, int spins) {
  for (int i = 0; i < spins; ++i) {
    if (value.load(std::memory_order_acquire) != unwanted) return;
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  while (value.load(std::memory_order_acquire) == unwanted) value.wait(unwanted);
}

}  // namespace

Team::Team(int threads)
    : spins_(SpinsFor(threads)), parts_(new Part[static_cast<std::size_t>(threads)]) {
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { Work(i); });
}

Team::~Team() {
  stop_ = true;
  round_.fetch_add(1);
  round_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void Team::Share(const Job& job) {
  job_ = job;
  error_ = nullptr;
  for (int i = 0; i < size(); ++i) {
    parts_[i].next.store(job.tasks * i / size(), std::memory_order_relaxed);
    parts_[i].end = job.tasks * (i + 1) / size();
  }
  busy_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  TakeTasks(0);
  for (int busy = busy_.load(std::memory_order_acquire); busy != 0;
       busy = busy_.load(std::memory_order_acquire)) {
    WaitWhile(busy_, busy, spins_);
  }
  if (error_) std::rethrow_exception(error_);
}

void Team::Work(int thread) {
  std::uint32_t seen = 0;
  while (true) {
    WaitWhile(round_, seen, spins_);
    seen = round_.load(std::memory_order_acquire);
    if (stop_) return;
    {
      const FloatingPointScope scope;
      TakeTasks(thread);
    }
    if (busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) busy_.notify_all();
  }
}

void Team::TakeTasks(int thread) {
  try {
    for (int i = 0; i < size(); ++i) {
      Part& part = parts_[(thread + i) % size()];
      for (std::int64_t task; (task = part.next.fetch_add(1)) < part.end;) {
        job_.call(job_.body, task);
      }
    }
  } catch (...) {
    const std::lock_guard lock(error_mutex_);
    if (!error_) error_ = std::current_exception();
    for (int i = 0; i < size(); ++i) parts_[i].next.store(parts_[i].end);
  }
}

}  // namespace samebits
