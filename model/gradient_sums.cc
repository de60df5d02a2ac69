#include "model/gradient_sums.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "kernels/all_reduce/all_reduce.h"
#include "kernels/core/digest.h"
#include "kernels/core/floating_point.h"
#include "kernels/cuda/session.h"

namespace samebits {

namespace {

// What the leaves of a turn are made of, by subtrees of so many leaves at most.
std::vector<Subtree> PartsOf(const Turn& turn, std::int64_t most_leaves) {
  std::vector<Subtree> subtrees;
  for (const Subtree& subtree : SubtreesOf(turn.first, turn.leaves)) {
    const std::int64_t leaves = std::min(subtree.leaves, most_leaves);
    for (std::int64_t leaf = 0; leaf < subtree.leaves; leaf += leaves) {
      subtrees.push_back({subtree.first + leaf, leaves});
    }
  }
  return subtrees;
}

}  // namespace

GradientSums::GradientSums(const std::vector<Parameter>& parameters, const Division& division,
                           std::int64_t most_leaves, RankSettings ranks)
    : parameters_(parameters), ranks_(std::move(ranks)), leaves_(division.leaves()) {
  const Parameter& last = parameters_.back();
  values_.resize(static_cast<std::size_t>(last.offset + last.elements));
  bucket_end_ = std::ssize(values_);
  std::vector<Subtree> waiting;
  for (const Turn& turn : division.turns()) {
    Share share{turn, PartsOf(turn, most_leaves), waiting.size(), {}, {}, false};
    std::vector<Subtree> parts = waiting;
    parts.insert(parts.end(), share.subtrees.begin(), share.subtrees.end());
    const Meeting meeting = MeetingOf(parts);
    share.merges = meeting.merges;
    for (const Subtree& sum : meeting.sums) {
      const auto first = std::ranges::find(parts, sum.first, &Subtree::first);
      share.left.push_back(static_cast<std::size_t>(first - parts.begin()));
    }
    while (other_sums_.size() + 1 < parts.size()) other_sums_.emplace_back(values_.size());
    waiting = meeting.sums;
    shares_.push_back(std::move(share));
  }
  shares_.back().last = true;
  if (ranks_.collectives != nullptr) background_ = std::make_unique<Background>();
}

bool GradientSums::IsOne() const {
  return ranks_.collectives == nullptr && shares_.size() == 1 && shares_[0].subtrees.size() == 1 &&
         shares_[0].subtrees[0].leaves == leaves_;
}

void GradientSums::KeepIn(DeviceSession& session) {
  session_ = &session;
  session.Keep(values_.data(), values_.size() * sizeof(float));
}

std::span<float> GradientSums::Of(const Share& share, std::size_t i, int parameter) {
  return {SumsOf(share.waiting + i) + At(parameter).offset,
          static_cast<std::size_t>(At(parameter).elements)};
}

void GradientSums::Reduce(std::int64_t first, const Share& share) {
  const std::int64_t count = bucket_end_ - first;
  const auto bytes = count * static_cast<std::int64_t>(sizeof(float));
  if (first > 0 && (!share.last || bytes < ranks_.bucket_bytes)) return;
  bucket_end_ = first > 0 ? first : std::ssize(values_);
  if (!share.last) return Merge(share, first, count);
  if (flipped_ >= 0 && At(flipped_).offset >= first) {
    if (session_ != nullptr) session_->Read(values_.data());
    float& value = Of(share, 0, std::exchange(flipped_, -1))[0];
    value = std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) ^ 1u << 12);
    if (session_ != nullptr) session_->Wrote(values_.data());
  }
  const auto finish = [this, &share, first, count] {
    if (share.merges.size() > 1) Merge(share, first, count);
    if (!share_digests_.empty()) DigestShare(share, first, count);
    if (ranks_.collectives == nullptr) return;
    std::vector<const float*> parts;
    for (const std::size_t part : share.left) parts.push_back(SumsOf(part) + first);
    float* const sum = values_.data() + first;
    if (ranks_.all_reduce.empty()) return ranks_.collectives->AllReduce(parts, count, sum);
    ranks_.collectives->AllReduceBy(ranks_.all_reduce, parts, count, sum);
  };
  if (background_ == nullptr) return finish();
  background_->Submit(finish);
}

void GradientSums::Wait() {
  if (background_ != nullptr) background_->Drain();
}

void GradientSums::Merge(const Share& share, std::int64_t first, std::int64_t count) {
  const FloatingPointScope scope;
  std::vector<const float*> parts;
  std::vector<float*> sums;
  for (std::size_t i = 0; i < share.merges.size(); ++i) parts.push_back(SumsOf(i) + first);
  for (const std::size_t left : share.left) sums.push_back(SumsOf(left) + first);
  all_reduce::SumParts(parts.data(), share.merges, count, sums.data());
  if (share.last) return;
  for (std::size_t i = 1; i < share.left.size(); ++i) {
    other_sums_[i - 1].swap(other_sums_[share.left[i] - 1]);
  }
}

float GradientSums::Meet(const std::vector<float>& of_subtrees) const {
  const FloatingPointScope scope;
  std::vector<Subtree> subtrees;
  for (const Share& share : shares_) {
    subtrees.insert(subtrees.end(), share.subtrees.begin(), share.subtrees.end());
  }
  const Meeting meeting = MeetingOf(subtrees);
  std::vector<const float*> parts;
  for (const float& number : of_subtrees) parts.push_back(&number);
  std::vector<float> sums(meeting.sums.size());
  std::vector<float*> places;
  for (float& sum : sums) places.push_back(&sum);
  all_reduce::SumParts(parts.data(), meeting.merges, 1, places.data());
  return ranks_.collectives == nullptr ? sums[0] : ranks_.collectives->AllReduceOne(sums);
}

std::int64_t GradientSums::Count(std::int64_t count) const {
  return ranks_.collectives == nullptr ? count : ranks_.collectives->Count(count);
}

void GradientSums::DigestShare(const Share& share, std::int64_t first, std::int64_t count) {
  if (session_ != nullptr) session_->Read(values_.data());
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto& [shape, offset, elements] = parameters_[i];
    if (offset < first || offset >= first + count) continue;
    Sha256 sha;
    for (const std::size_t part : share.left) {
      const float* const sums = SumsOf(part) + offset;
      sha.Add(std::as_bytes(std::span(sums, static_cast<std::size_t>(elements))));
    }
    share_digests_[i] = sha.Hex();
  }
}

std::vector<std::string> GradientSums::TakeShareDigests() {
  return std::exchange(share_digests_, {});
}

}  // namespace samebits
