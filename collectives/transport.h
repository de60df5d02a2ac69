// How ranks reach each other: the one small interface that every engine fills in. Above it the
// collectives (collectives.h) are the same code.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace samebits {

// A rank that others wait for is gone, or says nothing any more.
class RankLost : public std::runtime_error {
 public:
  RankLost(int rank, const std::string& what) : std::runtime_error(what), rank_(rank) {}
  int rank() const { return rank_; }

 private:
  int rank_;
};

struct Send {
  int to;
  const void* data;
  std::size_t bytes;
};

struct Receive {
  int from;
  void* data;
  std::size_t bytes;
};

// Messages on their way.
class Pending {
 public:
  virtual ~Pending() = default;
  // Returns when all have arrived. Throws RankLost when one makes no progress within the deadline.
  virtual void Wait() = 0;
};

// Where messages may lie, and who computes there.
class Place {
 public:
  virtual ~Place() = default;
  virtual std::shared_ptr<float> Allocate(std::size_t floats) = 0;
  virtual bool Holds(const void* data) = 0;
  // From and to the host's memory or its own; done when it returns.
  virtual void Copy(const float* from, float* to, std::size_t floats) = 0;
  // all_reduce::SumParts (kernels/all_reduce/all_reduce.h), to be seen by what follows.
  virtual void SumParts(const float* const* parts, std::span<const int> merges,
                        std::int64_t elements, float* const* sums) = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;

  // Messages from one rank to another are received in the order in which both start them; each
  // must have the length that the other expects. The memory is theirs until Wait returns, and a
  // Pending must be waited for before it goes. One thread at a time.
  virtual std::unique_ptr<Pending> Start(std::span<const Send> sends,
                                         std::span<const Receive> receives) = 0;

  // Null: the host's memory, summed by our kernels.
  virtual Place* place() { return nullptr; }

  // The engine's own all-reduces of sums, in place, to compare with: their bits are their own.
  virtual std::vector<std::string> OwnAllReduces() { return {}; }
  virtual void OwnAllReduce(std::string_view /*name*/, float* /*data*/, std::size_t /*elements*/) {}
};

}  // namespace samebits
