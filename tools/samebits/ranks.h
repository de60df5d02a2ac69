// This process as one of several ranks that train together: started alike or not at all, and none
// waits for ever.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "collectives/transport.h"

#include "model/network.h"

namespace samebits {

// What all ranks throw alike, before the first step.
class AgreedError : public std::runtime_error {
 public:
  AgreedError(const std::string& what, int exit_code)
      : std::runtime_error(what), exit_code_(exit_code) {}
  int exit_code() const { return exit_code_; }

 private:
  int exit_code_;
};

class RankGroup {
 public:
  // Joins the ranks that this one was started with, over "mpi" or "nccl". From here on SIGTERM,
  // which mpirun sends when a rank has died, ends the process with a line that says which.
  RankGroup(const std::string& engine, int deadline_seconds);

  Transport& transport() { return *transport_; }
  int rank() const { return transport_->rank(); }
  int size() const { return transport_->size(); }
  bool IsFirst() const { return rank() == 0; }

  // Every rank says what it is about to do, or why it cannot. Throws AgreedError on all ranks,
  // naming the first difference, unless all say the same.
  void Agree(nlohmann::ordered_json own, const std::string& error, int exit_code);

  void AtStep(std::int64_t step) { step_ = step; }

  // Where nothing else is asked for: ranks of one host share its processors.
  int ThreadsOfARank() const;

  // What all ranks have found: the first one tells, while the others still wait for it. Returns the
  // exit code.
  int Leave(const std::string& error, int exit_code) const;

  // End this process, with one line of one rank: the others cannot be reached any more.
  [[noreturn]] void EndFor(const RankLost& lost);
  [[noreturn]] void EndFor(const std::string& error, int exit_code);

 private:
  struct Process {
    std::string host;
    int id;
  };

  void Watch(const std::stop_token& stop);
  // A rank on this host whose process has died or is stopped, and which of both; -1: none.
  int FindLost(std::string& how) const;
  [[noreturn]] void End(int lost, const std::string& what);

  std::unique_ptr<Transport> transport_;
  std::vector<Process> processes_;  // of each rank
  std::atomic<std::int64_t> step_{0};
  std::jthread watcher_;
};

// A fault to be injected into a run, to test what finds it: SAMEBITS_FAULT is "kill:RANK:STEP",
// "stop:RANK:STEP" (a rank's process, when it begins the step), or "flip:RANK:STEP:TENSOR" (a bit
// of a rank's gradient of the tensor, as w4).
class Fault {
 public:
  // Throws UserError when the variable is set to anything else.
  static Fault FromEnvironment();
  void Inject(int rank, std::int64_t step, Network& network) const;

 private:
  std::string kind_;  // empty: none
  int rank_ = 0, tensor_ = 0;
  std::int64_t step_ = 0;
};

}  // namespace samebits
