#include "collectives/background.h"

#include <utility>

namespace samebits {

Background::Background() : thread_([this](const std::stop_token& stop) { Work(stop); }) {}

Background::~Background() {
  const std::lock_guard lock(mutex_);
  jobs_.clear();
}

void Background::Submit(std::function<void()> job) {
  const std::lock_guard lock(mutex_);
  if (error_ == nullptr) jobs_.push_back(std::move(job));
  changed_.notify_all();
}

void Background::Drain() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return jobs_.empty() && !busy_; });
  if (error_ != nullptr) std::rethrow_exception(std::exchange(error_, nullptr));
}

void Background::Work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [&] { return !jobs_.empty(); })) {
    const std::function<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    busy_ = true;
    lock.unlock();
    std::exception_ptr error;
    try {
      job();
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    busy_ = false;
    if (error != nullptr) {
      error_ = error;
      jobs_.clear();
    }
    changed_.notify_all();
  }
}

}  // namespace samebits
