// Ranks over MPI: a module of its own, loaded where it is asked for, so that nothing else needs
// MPI.
#include <mpi.h>
#include <sched.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <map>

#include "collectives/engine.h"

namespace samebits {
namespace {

using Clock = std::chrono::steady_clock;

void Check(int code, const char* what) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw std::runtime_error(std::string("MPI: ") + what + ": " + text);
}

class MpiPending : public Pending {
 public:
  MpiPending(MPI_Comm ranks, std::chrono::duration<double> deadline, std::span<const Send> sends,
             std::span<const Receive> receives)
      : deadline_(deadline) {
    for (const Receive& receive : receives) {
      peers_.push_back(receive.from);
      Check(MPI_Irecv(receive.data, static_cast<int>(receive.bytes), MPI_BYTE, receive.from, 0,
                      ranks, &requests_.emplace_back()),
            "receive");
    }
    for (const Send& send : sends) {
      peers_.push_back(send.to);
      Check(MPI_Isend(send.data, static_cast<int>(send.bytes), MPI_BYTE, send.to, 0, ranks,
                      &requests_.emplace_back()),
            "send");
    }
  }

  // It may compute behind a transfer, so a long wait leaves the processor to whoever computes.
  void Wait() override {
    constexpr std::chrono::microseconds kEager(200), kPolite(2000);
    constexpr int kNap = 50;  // microseconds
    const Clock::time_point begin = Clock::now();
    while (true) {
      int done = 0;
      Check(MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &done,
                        MPI_STATUSES_IGNORE),
            "wait");
      if (done != 0) return;
      const auto waited = Clock::now() - begin;
      if (waited > deadline_) throw Late();
      if (waited > kPolite) {
        ::usleep(kNap);
      } else if (waited > kEager) {
        ::sched_yield();
      }
    }
  }

 private:
  RankLost Late() {
    std::size_t late = 0;
    while (requests_[late] == MPI_REQUEST_NULL) ++late;
    const std::string seconds = std::to_string(static_cast<int>(deadline_.count()));
    const std::string rank = std::to_string(peers_[late]);
    return {peers_[late], "rank " + rank + " has not answered for " + seconds + " s"};
  }

  const std::chrono::duration<double> deadline_;
  std::vector<MPI_Request> requests_;
  std::vector<int> peers_;  // of each
};

// OpenMPI's algorithms of all-reduce, by its numbers; 0: its own choice by size.
constexpr std::string_view kAlgorithms[] = {
    "mpi_default", "mpi_1_basic_linear",   "mpi_2_nonoverlapping", "mpi_3_recursive_doubling",
    "mpi_4_ring",  "mpi_5_segmented_ring", "mpi_6_rabenseifner",
};
constexpr char kVariable[] = "coll_tuned_allreduce_algorithm";

class MpiTransport : public Transport {
 public:
  explicit MpiTransport(std::chrono::duration<double> deadline) : deadline_(deadline) {
    // So that an algorithm may be chosen for a communicator; without one OpenMPI chooses as ever.
    ::setenv("OMPI_MCA_coll_tuned_use_dynamic_rules", "1", 0);
    int level = 0;
    Check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &level), "start");
    if (level < MPI_THREAD_SERIALIZED) throw std::runtime_error("MPI: built without threads");
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    Check(MPI_Comm_dup(MPI_COMM_WORLD, &ranks_), "copy of the communicator");
    MPI_Comm_rank(ranks_, &rank_);
    MPI_Comm_size(ranks_, &size_);
  }

  // All ranks must come here: one that has lost another ends its process instead.
  ~MpiTransport() override {
    for (auto& [name, ranks] : by_algorithm_) MPI_Comm_free(&ranks);
    MPI_Comm_free(&ranks_);
    MPI_Finalize();
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  std::unique_ptr<Pending> Start(std::span<const Send> sends,
                                 std::span<const Receive> receives) override {
    return std::make_unique<MpiPending>(ranks_, deadline_, sends, receives);
  }

  std::vector<std::string> OwnAllReduces() override {
    std::vector<std::string> names(1, std::string(kAlgorithms[0]));
    int level = 0, variable = 0;
    MPI_T_init_thread(MPI_THREAD_SERIALIZED, &level);
    if (MPI_T_cvar_get_index(kVariable, &variable) == MPI_SUCCESS) {
      names.assign(std::begin(kAlgorithms), std::end(kAlgorithms));
    }
    MPI_T_finalize();
    return names;
  }

  void OwnAllReduce(std::string_view name, float* data, std::size_t elements) override {
    Check(MPI_Allreduce(MPI_IN_PLACE, data, static_cast<int>(elements), MPI_FLOAT, MPI_SUM,
                        RanksWith(name)),
          "all-reduce");
  }

 private:
  // A communicator keeps the algorithm that is set while it is made.
  MPI_Comm RanksWith(std::string_view name) {
    const auto known = by_algorithm_.find(name);
    if (known != by_algorithm_.end()) return known->second;
    int algorithm = 0;
    while (kAlgorithms[algorithm] != name) ++algorithm;
    const auto choose = [](int chosen) {
      int level = 0, variable = 0, count = 0;
      MPI_T_cvar_handle handle;
      MPI_T_init_thread(MPI_THREAD_SERIALIZED, &level);
      if (MPI_T_cvar_get_index(kVariable, &variable) == MPI_SUCCESS &&
          MPI_T_cvar_handle_alloc(variable, nullptr, &handle, &count) == MPI_SUCCESS) {
        MPI_T_cvar_write(handle, &chosen);
        MPI_T_cvar_handle_free(&handle);
      }
      MPI_T_finalize();
    };
    choose(algorithm);
    MPI_Comm& ranks = by_algorithm_[std::string(name)];
    Check(MPI_Comm_dup(ranks_, &ranks), "copy of the communicator");
    choose(0);
    return ranks;
  }

  const std::chrono::duration<double> deadline_;
  MPI_Comm ranks_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1;
  std::map<std::string, MPI_Comm, std::less<>> by_algorithm_;
};

}  // namespace
}  // namespace samebits

samebits::Transport* samebits_transport(double deadline, samebits::Transport*) {
  return new samebits::MpiTransport(std::chrono::duration<double>(deadline));
}
