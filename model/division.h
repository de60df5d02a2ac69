// How a batch is parted: its leaves among ranks, and those of a rank among turns, one after the
// other (gradient accumulation). No bit depends on either.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <vector>

#include "collectives/collectives.h"
#include "kernels/core/case.h"
#include "kernels/core/leaves.h"

namespace samebits {

// Neighbouring leaves that go through the network together.
struct Turn {
  std::int64_t first, leaves;

  std::int64_t FirstSample(std::int64_t batch, std::int64_t all_leaves) const;
  std::int64_t Samples(std::int64_t batch, std::int64_t all_leaves) const;
  // Of any batch no larger than this one.
  std::int64_t MostSamples(std::int64_t batch, std::int64_t all_leaves) const;
};

// Some samples of a batch: how many, in so many leaves; the index of the first; of so many.
struct Slice {
  std::int64_t samples, leaves, first, batch;

  auto operator<=>(const Slice&) const = default;
};

// A tensor's rows, one for each sample of a slice.
struct SampleRows {
  const float* data;   // or ids, of the same size
  std::int64_t width;  // elements of a row
};

// The case of a sum over so many leaves of a batch of so many samples.
using CaseOfLeaves = std::function<const Case&(std::int64_t samples, std::int64_t leaves)>;

class Division {
 public:
  // One rank has the whole batch, in one turn.
  explicit Division(std::int64_t leaves) : Division(LeavesInOrder(1, leaves), 0, leaves, 1) {}
  // The part of one rank, in so many turns at least. Throws UserError where that are more turns
  // than leaves.
  Division(const LeafMap& map, int rank, std::int64_t leaves, int turns);

  std::int64_t leaves() const { return leaves_; }
  const std::vector<Turn>& turns() const { return turns_; }
  bool IsWhole() const { return turns_[0].leaves == leaves_; }

  // What this rank has of an epoch whose samples come in this order, so many a batch: a batch for
  // each turn of each.
  struct Part {
    std::vector<std::uint32_t> order;
    std::vector<int> sizes;
  };
  Part Of(const std::vector<std::uint32_t>& order, std::int64_t batch) const;

  // Of the samples of any turn of a batch no larger than this one.
  std::int64_t MostSamples(std::int64_t batch) const;

 private:
  const std::int64_t leaves_;
  std::vector<Turn> turns_;
};

}  // namespace samebits
