// all_reduce, reduce_scatter and all_gather whose bits do not depend on the ranks: sums meet in the
// contract's tree over the leaves, whoever holds which of them.
//
// Elements are parted in as many blocks as there are ranks: rank r owns [r * n / R, (r + 1) * n /
// R). reduce_scatter: every rank sends each owner its block of all that it holds, and the owner
// sums in the tree's order. all_gather: every owner sends its block to all. all_reduce is both,
// chunk by chunk, so that a chunk travels while the one before it is summed.
//
// Bytes that a rank sends: (P + 1) * (R - 1) / R of the message's, where it holds P subtrees: 2 (R
// - 1) / R, as a ring, where ranks hold one each (R divides V, ranks in order). Otherwise P is up
// to 2 of V = 8 for 3, 5, 6 or 7 ranks in order (TrafficOf). Scratch: two chunks of all the
// subtrees that the other ranks hold.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "collectives/transport.h"
#include "kernels/core/leaves.h"

namespace samebits {

// Which leaves a rank holds; every rank knows all of them. An ascending list each.
using LeafMap = std::vector<std::vector<std::int64_t>>;

// Rank r holds leaves [r * V / R, (r + 1) * V / R). Throws UserError where there are more ranks
// than leaves, or leaves are no power of two.
LeafMap LeavesInOrder(int ranks, std::int64_t leaves);

// Who holds what: in order as above, the same by the ranks in reverse, or leaf l by rank l % R. The
// numbers are points of an axis.
enum class Mapping : std::uint8_t { kInOrder = 1, kReversed, kRoundRobin };
inline constexpr Mapping kMappings[] = {Mapping::kInOrder, Mapping::kReversed,
                                        Mapping::kRoundRobin};

std::string_view NameOf(Mapping mapping);
// Throws UserError, listing them, when none has the name.
Mapping FindMapping(std::string_view name);
LeafMap LeavesBy(Mapping mapping, int ranks, std::int64_t leaves);

// Throws UserError, listing what there is, where the ranks' engine has no all-reduce of that name.
// Null: there is one rank.
void CheckOwnAllReduce(std::string_view name, Transport* transport);

struct CollectiveOptions {
  // Of each owner's block, at a time. Every chunk waits for the slowest rank: over MPI on busy
  // processors, 16 MiB in chunks of 8 MiB take half the time of those of 1 MiB.
  std::size_t chunk_bytes = std::size_t{8} << 20;
};

// What a rank sends in one all-reduce, and the scratch memory that it takes.
struct Traffic {
  std::int64_t messages, bytes, scratch_bytes;
};

class Collectives {
 public:
  // Leaves that make no whole tree, as those of one node of ranks, have several sums: of them only
  // ReduceScatter and AllGather make sense. `transport` must outlive it.
  Collectives(Transport& transport, const LeafMap& map, const CollectiveOptions& options = {});

  int rank() const { return transport_.rank(); }
  int size() const { return transport_.size(); }
  Transport& transport() { return transport_; }

  // What this rank holds, ascending; the parts of what follows are sums over these.
  const std::vector<Subtree>& own() const { return subtrees_[static_cast<std::size_t>(rank())]; }

  // What all ranks together hold, ascending: one, where that is a tree.
  const std::vector<Subtree>& sums() const { return sums_; }

  // sum[0, n) = the tree over all leaves. `sum` may be one of the parts.
  void AllReduce(std::span<const float* const> parts, std::int64_t n, float* sum);
  // The same by one of the engine's own (Transport::OwnAllReduces), whose bits are its own: what
  // this rank holds is added left to right, and handed over. `sum` is the first part, or none.
  void AllReduceBy(std::string_view algorithm, std::span<const float* const> parts, std::int64_t n,
                   float* sum);
  // Writes this rank's block alone, of each of the sums.
  void ReduceScatter(std::span<const float* const> parts, std::int64_t n,
                     std::span<float* const> sums);
  // Every rank has written its block of `all`, and gets the others'.
  void AllGather(std::int64_t n, float* all);

  // One element: the tree over all leaves, and a sum of counts. A round of messages each.
  float AllReduceOne(std::span<const float> parts);
  std::int64_t Count(std::int64_t own);

  // The cost of an all-reduce of so many elements, for the rank that sends most.
  Traffic TrafficOf(std::int64_t n) const;

  // Elements [begin, end) are a rank's.
  std::int64_t BlockBegin(int rank, std::int64_t n) const { return n * rank / size(); }

 private:
  struct Held {
    int rank, index;  // whose subtree, and its which
  };

  // With all of it in the memory of the transport's own.
  void AllReduceThere(std::span<const float* const> parts, std::int64_t n, float* sum);
  void Move(std::span<const float* const> parts, std::int64_t n, std::span<float* const> sums,
            bool reduces, bool gathers);
  // Elements of a rank's block that window `k` has.
  std::span<float> WindowOf(int k, int rank, std::int64_t n, float* all) const;
  std::unique_ptr<Pending> StartScatter(int k, std::span<const float* const> parts, std::int64_t n);
  std::unique_ptr<Pending> StartGather(int k, std::int64_t n, float* all);
  void Sum(int k, std::span<const float* const> parts, std::int64_t n,
           std::span<float* const> sums);
  // Where the part of another rank waits to be summed.
  float* SlotOf(int k, std::size_t in_order) const;

  Transport& transport_;
  const std::int64_t chunk_;                    // elements
  std::vector<std::vector<Subtree>> subtrees_;  // of each rank
  std::vector<Held> order_;                     // of all subtrees, ascending
  std::vector<int> merges_;                     // behind each
  std::vector<Subtree> sums_;                   // what they make
  std::shared_ptr<float> scratch_;              // two windows of them
  std::int64_t slot_ = 0;                       // elements of each there
};

// Every rank gives its bytes and gets those of all, of whatever length; or of the lengths that all
// know, in one round of messages.
std::vector<std::vector<std::byte>> AllGatherBytes(Transport& transport,
                                                   std::span<const std::byte> own);
std::vector<std::vector<std::byte>> AllGatherBytes(Transport& transport,
                                                   std::span<const std::byte> own,
                                                   std::span<const std::size_t> lengths);

}  // namespace samebits
