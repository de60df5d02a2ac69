// The gradients of a batch as sums over subtrees of its leaves: how those of a network's turns, and
// of all ranks, become one sum in the order of the tree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "collectives/background.h"
#include "collectives/collectives.h"
#include "kernels/core/leaves.h"
#include "model/division.h"

namespace samebits {

class DeviceSession;

// Where a network is one of several that train the same weights.
struct RankSettings {
  Collectives* collectives = nullptr;   // null: there are no others
  std::int64_t bucket_bytes = 1 << 20;  // of gradients that are reduced at a time, at least
  std::string all_reduce = {};          // one of the engine's own, of gradients; empty: the tree
};

struct Parameter {
  std::vector<std::int64_t> shape;
  std::int64_t offset, elements;  // in the weights and their gradients
};

// What a network has in one turn: a sum for each subtree, ascending. Sums of the turns before wait,
// and meet these.
struct Share {
  Turn turn;
  std::vector<Subtree> subtrees;
  std::size_t waiting;            // sums of the turns before
  std::vector<int> merges;        // behind each of those, and of these
  std::vector<std::size_t> left;  // the first part of each sum that is left then
  bool last;
};

class GradientSums {
 public:
  // The parameters, which must outlive the sums, lie one behind the other. Subtrees have at most so
  // many leaves, a power of two.
  GradientSums(const std::vector<Parameter>& parameters, const Division& division,
               std::int64_t most_leaves, RankSettings ranks);

  const std::vector<Parameter>& parameters() const { return parameters_; }
  const Parameter& At(int parameter) const {
    return parameters_[static_cast<std::size_t>(parameter)];
  }
  const std::vector<Share>& shares() const { return shares_; }  // one for each turn
  // Whether one subtree is the whole batch.
  bool IsOne() const;

  // The gradient of every weight, once the last share is reduced.
  std::vector<float>& values() { return values_; }
  const std::vector<float>& values() const { return values_; }

  // Where values() lie on a device: not after the others.
  void KeepIn(DeviceSession& session);

  // Where the share's sum over its i-th subtree of the gradient of a parameter goes.
  std::span<float> Of(const Share& share, std::size_t i, int parameter);

  // The gradients from `first` on, an offset, are there: where they fill a bucket, they meet those
  // of the turns before and of the other ranks, which may take until Wait returns. A share ends
  // with `first` = 0.
  void Reduce(std::int64_t first, const Share& share);
  void Wait();

  // A number of each subtree of each share, in order, become one in the same way.
  float Meet(const std::vector<float>& of_subtrees) const;
  // The sum over all ranks.
  std::int64_t Count(std::int64_t count) const;

  // SHA-256 of what this network puts into the sums of the next batch, for each parameter.
  void DigestNextShare() { share_digests_.assign(parameters_.size(), {}); }
  const std::vector<std::string>& ShareDigests() const { return share_digests_; }
  std::vector<std::string> TakeShareDigests();  // and asks for no more

  // Flips a bit of this network's gradient of a parameter in the next batch: a fault, to test what
  // finds it.
  void FlipBit(int parameter) { flipped_ = parameter; }

 private:
  float* SumsOf(std::size_t subtree) {
    return subtree == 0 ? values_.data() : other_sums_[subtree - 1].data();
  }
  void Merge(const Share& share, std::int64_t first, std::int64_t count);
  void DigestShare(const Share& share, std::int64_t first, std::int64_t count);

  const std::vector<Parameter>& parameters_;
  const RankSettings ranks_;
  const std::int64_t leaves_;  // of the batch
  std::vector<Share> shares_;
  // The sums of a subtree each: the first ones lie in values_, where all meet at the end.
  std::vector<float> values_;
  std::vector<std::vector<float>> other_sums_;
  std::int64_t bucket_end_;                 // gradients from there on are handed over
  std::vector<std::string> share_digests_;  // empty: not asked for
  int flipped_ = -1;                        // the parameter
  DeviceSession* session_ = nullptr;        // null: values_ lie on the host
  std::unique_ptr<Background> background_;  // last: its jobs use the others
};

}  // namespace samebits
