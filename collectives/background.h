// One thread that does jobs in the order in which they come: transfers behind computation.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace samebits {

class Background {
 public:
  Background();
  // Waits for the job at hand, and drops the others.
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  void Submit(std::function<void()> job);
  // Returns when all are done. What one threw comes out here, and the jobs behind it are dropped.
  void Drain();

 private:
  void Work(const std::stop_token& stop);

  std::mutex mutex_;  // guards what follows
  std::condition_variable_any changed_;
  std::deque<std::function<void()>> jobs_;
  bool busy_ = false;
  std::exception_ptr error_;
  std::jthread thread_;  // last: joined before the rest is destroyed
};

}  // namespace samebits
