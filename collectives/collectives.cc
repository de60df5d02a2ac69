#include "collectives/collectives.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kernels/all_reduce/all_reduce.h"
#include "kernels/core/error.h"
#include "kernels/core/floating_point.h"

namespace samebits {
namespace {

std::shared_ptr<float> HostFloats(std::size_t floats) {
  constexpr std::size_t kAlignment = 64;
  const std::size_t bytes = (floats * sizeof(float) + kAlignment - 1) / kAlignment * kAlignment;
  auto* const memory = static_cast<float*>(std::aligned_alloc(kAlignment, bytes));
  if (memory == nullptr && bytes > 0) throw std::bad_alloc();
  return {memory, [](float* floats) { std::free(floats); }};
}

std::size_t BytesOf(std::span<const float> floats) { return floats.size_bytes(); }

}  // namespace

LeafMap LeavesInOrder(int ranks, std::int64_t leaves) {
  if (leaves < 1 || !std::has_single_bit(static_cast<std::uint64_t>(leaves))) {
    throw UserError(fmt::format("{} leaves: not a power of two", leaves));
  }
  if (ranks > leaves) {
    throw UserError(fmt::format(
        "{} ranks, but a batch has {} leaves: a rank must hold one; start fewer ranks, or give a "
        "larger --leaves, which is another recipe with other bits",
        ranks, leaves));
  }
  LeafMap map(static_cast<std::size_t>(ranks));
  for (int rank = 0; rank < ranks; ++rank) {
    for (std::int64_t leaf = rank * leaves / ranks; leaf < (rank + 1) * leaves / ranks; ++leaf) {
      map[static_cast<std::size_t>(rank)].push_back(leaf);
    }
  }
  return map;
}

std::string_view NameOf(Mapping mapping) {
  switch (mapping) {
    case Mapping::kInOrder:
      return "in-order";
    case Mapping::kReversed:
      return "reversed";
    default:
      return "round-robin";
  }
}

Mapping FindMapping(std::string_view name) {
  for (const Mapping known : kMappings) {
    if (NameOf(known) == name) return known;
  }
  throw UserError(fmt::format(
      "map '{}' is not known; leaves are held in-order, reversed or round-robin", name));
}

LeafMap LeavesBy(Mapping mapping, int ranks, std::int64_t leaves) {
  LeafMap map = LeavesInOrder(ranks, leaves);
  if (mapping == Mapping::kReversed) std::ranges::reverse(map);
  if (mapping != Mapping::kRoundRobin) return map;
  for (std::vector<std::int64_t>& own : map) own.clear();
  for (std::int64_t leaf = 0; leaf < leaves; ++leaf) {
    map[static_cast<std::size_t>(leaf % ranks)].push_back(leaf);
  }
  return map;
}

void CheckOwnAllReduce(std::string_view name, Transport* transport) {
  const std::vector<std::string> own = transport == nullptr
                                           ? std::vector<std::string>{"none for one rank"}
                                           : transport->OwnAllReduces();
  if (transport != nullptr && std::ranges::find(own, name) != own.end()) return;
  throw UserError(fmt::format("all-reduce '{}': these ranks have none of that name; there are: {}",
                              name, fmt::join(own, ", ")));
}

Collectives::Collectives(Transport& transport, const LeafMap& map, const CollectiveOptions& options)
    : transport_(transport),
      chunk_(std::max<std::int64_t>(
          1, static_cast<std::int64_t>(options.chunk_bytes / sizeof(float)))) {
  if (std::ssize(map) != size()) throw std::logic_error("leaves for another number of ranks");
  for (const std::vector<std::int64_t>& leaves : map) {
    const int rank = static_cast<int>(subtrees_.size());
    subtrees_.push_back(SubtreesOf(leaves));
    for (int i = 0; i < std::ssize(subtrees_.back()); ++i) order_.push_back({rank, i});
  }
  const auto at = [&](const Held& held) {
    return subtrees_[static_cast<std::size_t>(held.rank)][static_cast<std::size_t>(held.index)];
  };
  std::ranges::sort(order_, {}, [&](const Held& held) { return at(held).first; });
  std::vector<Subtree> all;
  for (const Held& held : order_) all.push_back(at(held));
  const Meeting meeting = MeetingOf(all);
  merges_ = meeting.merges;
  sums_ = meeting.sums;
}

void Collectives::AllReduce(std::span<const float* const> parts, std::int64_t n, float* sum) {
  if (transport_.place() != nullptr && !transport_.place()->Holds(sum)) {
    return AllReduceThere(parts, n, sum);
  }
  Move(parts, n, {&sum, 1}, true, true);
}

void Collectives::AllReduceThere(std::span<const float* const> parts, std::int64_t n, float* sum) {
  Place& place = *transport_.place();
  const auto floats = static_cast<std::size_t>(n);
  const std::shared_ptr<float> there = place.Allocate(floats * parts.size());
  std::vector<const float*> parts_there;
  for (const float* part : parts) {
    float* const copy = there.get() + parts_there.size() * floats;
    place.Copy(part, copy, floats);
    parts_there.push_back(copy);
  }
  Move(parts_there, n, std::vector<float*>{there.get()}, true, true);
  place.Copy(there.get(), sum, floats);
}

void Collectives::AllReduceBy(std::string_view algorithm, std::span<const float* const> parts,
                              std::int64_t n, float* sum) {
  if (sum != parts[0]) std::copy_n(parts[0], n, sum);
  for (const float* const part : parts.subspan(1)) {
    std::transform(sum, sum + n, part, sum, std::plus());
  }
  transport_.OwnAllReduce(algorithm, sum, static_cast<std::size_t>(n));
}

void Collectives::ReduceScatter(std::span<const float* const> parts, std::int64_t n,
                                std::span<float* const> sums) {
  Move(parts, n, sums, true, false);
}

void Collectives::AllGather(std::int64_t n, float* all) { Move({}, n, {&all, 1}, false, true); }

std::span<float> Collectives::WindowOf(int k, int rank, std::int64_t n, float* all) const {
  const std::int64_t end = BlockBegin(rank + 1, n);
  const std::int64_t first = std::min(BlockBegin(rank, n) + k * chunk_, end);
  // Where only the length is asked for, there is no memory.
  return {all == nullptr ? nullptr : all + first,
          static_cast<std::size_t>(std::min(chunk_, end - first))};
}

float* Collectives::SlotOf(int k, std::size_t in_order) const {
  return scratch_.get() + (static_cast<std::size_t>(k % 2) * order_.size() + in_order) *
                              static_cast<std::size_t>(slot_);
}

// A window's chunks are scattered while those of the window before are summed, and gathered while
// those of the next are: two windows are on their way at a time.
void Collectives::Move(std::span<const float* const> parts, std::int64_t n,
                       std::span<float* const> sums, bool reduces, bool gathers) {
  const FloatingPointScope scope;
  const std::int64_t block = (n + size() - 1) / size();
  const auto windows = static_cast<int>((block + chunk_ - 1) / chunk_);
  if (reduces && size() > 1 && slot_ < std::min(chunk_, block)) {
    slot_ = std::min(chunk_, block);
    const std::size_t floats = 2 * order_.size() * static_cast<std::size_t>(slot_);
    scratch_ =
        transport_.place() == nullptr ? HostFloats(floats) : transport_.place()->Allocate(floats);
  }
  std::unique_ptr<Pending> scatter, gather;
  if (reduces && windows > 0) scatter = StartScatter(0, parts, n);
  for (int k = 0; k < windows; ++k) {
    if (reduces) {
      std::unique_ptr<Pending> next;
      if (k + 1 < windows) next = StartScatter(k + 1, parts, n);
      scatter->Wait();
      Sum(k, parts, n, sums);
      scatter = std::move(next);
    }
    if (!gathers) continue;
    std::unique_ptr<Pending> now = StartGather(k, n, sums[0]);
    if (gather != nullptr) gather->Wait();
    gather = std::move(now);
  }
  if (gather != nullptr) gather->Wait();
}

std::unique_ptr<Pending> Collectives::StartScatter(int k, std::span<const float* const> parts,
                                                   std::int64_t n) {
  std::vector<Send> sends;
  for (int to = 0; to < size(); ++to) {
    if (to == rank()) continue;
    for (const float* part : parts) {
      const auto chunk = WindowOf(k, to, n, const_cast<float*>(part));
      if (!chunk.empty()) sends.push_back({to, chunk.data(), BytesOf(chunk)});
    }
  }
  std::vector<Receive> receives;
  const std::size_t bytes = BytesOf(WindowOf(k, rank(), n, nullptr));
  for (std::size_t i = 0; bytes > 0 && i < order_.size(); ++i) {
    if (order_[i].rank != rank()) receives.push_back({order_[i].rank, SlotOf(k, i), bytes});
  }
  return transport_.Start(sends, receives);
}

void Collectives::Sum(int k, std::span<const float* const> parts, std::int64_t n,
                      std::span<float* const> sums) {
  const std::span<float> chunk = WindowOf(k, rank(), n, sums[0]);
  const std::int64_t first = chunk.data() - sums[0];
  std::vector<const float*> in_order;
  for (std::size_t i = 0; i < order_.size(); ++i) {
    in_order.push_back(order_[i].rank == rank()
                           ? parts[static_cast<std::size_t>(order_[i].index)] + first
                           : SlotOf(k, i));
  }
  std::vector<float*> places;
  for (float* const sum : sums) places.push_back(sum + first);
  if (transport_.place() == nullptr) {
    all_reduce::SumParts(in_order.data(), merges_, std::ssize(chunk), places.data());
  } else {
    transport_.place()->SumParts(in_order.data(), merges_, std::ssize(chunk), places.data());
  }
}

std::unique_ptr<Pending> Collectives::StartGather(int k, std::int64_t n, float* all) {
  std::vector<Send> sends;
  std::vector<Receive> receives;
  const std::span<float> own = WindowOf(k, rank(), n, all);
  for (int other = 0; other < size(); ++other) {
    if (other == rank()) continue;
    const std::span<float> theirs = WindowOf(k, other, n, all);
    if (!own.empty()) sends.push_back({other, own.data(), BytesOf(own)});
    if (!theirs.empty()) receives.push_back({other, theirs.data(), BytesOf(theirs)});
  }
  return transport_.Start(sends, receives);
}

Traffic Collectives::TrafficOf(std::int64_t n) const {
  const std::int64_t slot = std::min(chunk_, (n + size() - 1) / size());
  const auto scratch = 2 * std::ssize(order_) * slot * std::int64_t{sizeof(float)};
  Traffic most{0, 0, size() > 1 ? scratch : 0};
  for (int from = 0; from < size(); ++from) {
    const auto held = std::ssize(subtrees_[static_cast<std::size_t>(from)]);
    std::int64_t messages = 0, elements = 0;
    for (int to = 0; to < size(); ++to) {
      const std::int64_t own = BlockBegin(from + 1, n) - BlockBegin(from, n);
      const std::int64_t theirs = BlockBegin(to + 1, n) - BlockBegin(to, n);
      if (to == from) continue;
      messages += held * ((theirs + chunk_ - 1) / chunk_) + (own + chunk_ - 1) / chunk_;
      elements += held * theirs + own;
    }
    most.messages = std::max(most.messages, messages);
    most.bytes = std::max(most.bytes, elements * std::int64_t{sizeof(float)});
  }
  return most;
}

float Collectives::AllReduceOne(std::span<const float> parts) {
  const FloatingPointScope scope;
  std::vector<std::size_t> lengths;
  for (const std::vector<Subtree>& own : subtrees_) lengths.push_back(own.size() * sizeof(float));
  const auto all = AllGatherBytes(transport_, std::as_bytes(parts), lengths);
  std::vector<const float*> in_order;
  for (const Held& held : order_) {
    const std::vector<std::byte>& theirs = all[static_cast<std::size_t>(held.rank)];
    in_order.push_back(reinterpret_cast<const float*>(theirs.data()) + held.index);
  }
  float sum = 0.0f;
  float* const out = &sum;
  all_reduce::SumParts(in_order.data(), merges_, 1, &out);
  return sum;
}

std::int64_t Collectives::Count(std::int64_t own) {
  const std::vector<std::size_t> lengths(static_cast<std::size_t>(size()), sizeof own);
  std::int64_t sum = 0;
  for (const auto& bytes : AllGatherBytes(transport_, std::as_bytes(std::span(&own, 1)), lengths)) {
    std::int64_t count = 0;
    std::memcpy(&count, bytes.data(), sizeof count);
    sum += count;
  }
  return sum;
}

std::vector<std::vector<std::byte>> AllGatherBytes(Transport& transport,
                                                   std::span<const std::byte> own,
                                                   std::span<const std::size_t> lengths) {
  std::vector<std::vector<std::byte>> all;
  for (const std::size_t length : lengths) all.emplace_back(length);
  std::vector<Send> sends;
  std::vector<Receive> receives;
  for (int other = 0; other < transport.size(); ++other) {
    std::vector<std::byte>& theirs = all[static_cast<std::size_t>(other)];
    if (other == transport.rank()) {
      std::ranges::copy(own, theirs.begin());
      continue;
    }
    if (!own.empty()) sends.push_back({other, own.data(), own.size()});
    if (!theirs.empty()) receives.push_back({other, theirs.data(), theirs.size()});
  }
  transport.Start(sends, receives)->Wait();
  return all;
}

std::vector<std::vector<std::byte>> AllGatherBytes(Transport& transport,
                                                   std::span<const std::byte> own) {
  const std::size_t length = own.size();
  const std::vector<std::size_t> one(static_cast<std::size_t>(transport.size()), sizeof length);
  std::vector<std::size_t> lengths;
  for (const auto& bytes : AllGatherBytes(transport, std::as_bytes(std::span(&length, 1)), one)) {
    std::memcpy(&lengths.emplace_back(), bytes.data(), sizeof length);
  }
  return AllGatherBytes(transport, own, lengths);
}

}  // namespace samebits
