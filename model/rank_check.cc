#include "model/rank_check.h"

#include <algorithm>

#include <fmt/format.h>

#include "kernels/core/error.h"

namespace samebits {

RankCheck::RankCheck(Collectives& collectives, const LeafMap& map, std::int64_t leaves,
                     Shadow shadow)
    : collectives_(collectives), map_(map), leaves_(leaves), shadow_(std::move(shadow)) {}

void RankCheck::Before(Network& network) {
  before_ = network.state();
  network.DigestNextShare();
}

std::vector<RankCheck::Digests> RankCheck::Exchange(const Digests& own) {
  constexpr std::size_t kDigits = 64;
  std::string text;
  for (const std::string& digest : own) text += digest;
  std::vector<Digests> all;
  for (const auto& bytes :
       AllGatherBytes(collectives_.transport(), std::as_bytes(std::span(text)))) {
    Digests& digests = all.emplace_back();
    for (std::size_t at = 0; at < bytes.size(); at += kDigits) {
      digests.emplace_back(reinterpret_cast<const char*>(bytes.data()) + at, kDigits);
    }
  }
  return all;
}

RankCheck::Digests RankCheck::Recompute(int rank, int batch, const Read& read) {
  const Division division(map_, rank, leaves_, 1);
  const std::unique_ptr<Network> network = shadow_(division);
  network->Restore(before_);
  return network->DigestsOfShare(batch, *read(division));
}

void RankCheck::After(std::int64_t step, int batch, const Network& network, const Read& read) {
  const int rank = collectives_.rank(), size = collectives_.size();
  const auto at = [](const std::vector<Digests>& of, int rank, std::size_t tensor) {
    return of[static_cast<std::size_t>(rank)][tensor];
  };
  const auto fail = [&](const std::string& who, const std::string& what, std::size_t tensor) {
    throw BitsDifferError(
        fmt::format("{}: {} of w{} in step {} has other bits than the other ranks find; the run "
                    "has stopped: resume it from its checkpoint",
                    who, what, tensor, step));
  };
  // What each rank put into the sum, against what the one before it finds there.
  const std::vector<Digests> shares = Exchange(network.ShareDigests());
  const std::vector<Digests> found = Exchange(Recompute(Neighbour(rank), batch, read));
  const auto differs = [&](int r, std::size_t tensor) {
    return at(shares, Neighbour(r), tensor) != at(found, r, tensor);
  };
  const std::size_t tensors = shares[0].size();
  bool any = false;
  for (int r = 0; r < size; ++r) {
    for (std::size_t tensor = 0; tensor < tensors; ++tensor) any |= differs(r, tensor);
  }
  if (any) {  // computed once more by both, the bits tell who was wrong
    const std::vector<Digests> again = Exchange(Recompute(rank, batch, read));
    for (int r = 0; r < size; ++r) {
      for (std::size_t tensor = 0; tensor < tensors; ++tensor) {
        if (!differs(r, tensor)) continue;
        const int other = Neighbour(r);
        const bool others_fault = at(again, other, tensor) == at(found, r, tensor);
        const bool own_fault = at(again, other, tensor) == at(shares, other, tensor);
        fail(others_fault ? fmt::format("rank {}", other)
             : own_fault  ? fmt::format("rank {}", r)
                          : fmt::format("rank {} or {}", r, other),
             "the gradient", tensor);
      }
    }
  }
  // What all must have alike: of more than two, whoever has what most have not is wrong.
  const auto compare = [&](const Digests& own, const std::string& what) {
    const std::vector<Digests> all = Exchange(own);
    for (std::size_t tensor = 0; tensor < tensors; ++tensor) {
      for (int r = 0; r < size; ++r) {
        const auto same = std::ranges::count_if(
            all, [&](const Digests& other) { return other[tensor] == at(all, r, tensor); });
        if (same == size) break;
        if (2 * same < size) fail(fmt::format("rank {}", r), what, tensor);
        if (2 * same == size) fail(fmt::format("rank {} or another", r), what, tensor);
      }
    }
  };
  compare(network.GradientDigests(), "the summed gradient");
  compare(network.WeightDigests(), "the weight");
}

}  // namespace samebits
