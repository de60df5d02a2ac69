// The threads a kernel may use. Which of them computes a task never changes a bit: a task owns
// whole outputs, or whole leaves whose sums meet afterwards in the contract's tree.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace samebits {

class Team {
 public:
  // threads >= 1; the caller is one of them.
  explicit Team(int threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(task) once for every task in [0, tasks), on any thread, in any order, under the
  // contract's floating-point state; returns when all are done. An exception reaches the caller.
  template <class Body>
  void Run(std::int64_t tasks, const Body& body) {
    if (tasks <= 0) return;
    if (workers_.empty() || tasks == 1) {
      for (std::int64_t task = 0; task < tasks; ++task) body(task);
      return;
    }
    Share({tasks, [](const void* b, std::int64_t t) { (*static_cast<const Body*>(b))(t); }, &body});
  }

  // Parts [0, count) into consecutive ranges of at least `grain` and calls body(begin, end).
  template <class Body>
  void RunRanges(std::int64_t count, std::int64_t grain, const Body& body) {
    std::int64_t parts = (count + grain - 1) / grain;
    const std::int64_t most = size() == 1 ? 1 : 4 * size();
    if (parts > most) parts = most;
    Run(parts, [&](std::int64_t part) { body(count * part / parts, count * (part + 1) / parts); });
  }

 private:
  struct Job {
    std::int64_t tasks;
    void (*call)(const void* body, std::int64_t task);
    const void* body;
  };

  // A thread begins with its own part of the tasks, which is the same in every job as long: what it
  // wrote is still near its core. Then it helps the others.
  struct alignas(64) Part {
    std::atomic<std::int64_t> next{0};
    std::int64_t end = 0;
  };

  void Share(const Job& job);
  void Work(int thread);
  void TakeTasks(int thread);

  const int spins_;  // turns to spin before a waiting thread sleeps
  std::vector<std::thread> workers_;
  Job job_{};
  std::unique_ptr<Part[]> parts_;        // one for each thread
  std::atomic<std::uint32_t> round_{0};  // raised once for every job; workers wait on it
  std::atomic<int> busy_{0};             // workers still in the current job
  std::atomic<bool> stop_{false};
  std::mutex error_mutex_;
  std::exception_ptr error_;
};

}  // namespace samebits
