// Whether ranks still compute the same: of a step, each rank computes its neighbour's share, too,
// and all exchange the digests of what they have.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "collectives/collectives.h"
#include "model/network.h"

namespace samebits {

class RankCheck {
 public:
  // A network of some rank's share, to compute it once more.
  using Shadow = std::function<std::unique_ptr<Network>(const Division&)>;
  // The rows of a batch that a division has.
  using Read = std::function<std::unique_ptr<RowStream>(const Division&)>;

  RankCheck(Collectives& collectives, const LeafMap& map, std::int64_t leaves, Shadow shadow);

  // Around a step: what it starts from, and what it made.
  void Before(Network& network);
  // Throws BitsDifferError, on all ranks alike, naming rank, tensor and step where bits differ.
  void After(std::int64_t step, int batch, const Network& network, const Read& read);

 private:
  // One digest for each tensor, of each rank.
  using Digests = std::vector<std::string>;
  std::vector<Digests> Exchange(const Digests& own);
  Digests Recompute(int rank, int batch, const Read& read);
  int Neighbour(int rank) const { return (rank + 1) % collectives_.size(); }

  Collectives& collectives_;
  const LeafMap map_;
  const std::int64_t leaves_;
  const Shadow shadow_;
  NetworkState before_;
};

}  // namespace samebits
