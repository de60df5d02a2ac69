// Dropout in vectors of the ISA, across the blocks of the stream. A block holds the
// words of two elements, h = ceil(n/2) apart; unless it is asked for, the mask is never stored.
#include "kernels/core/lanes.h"
#include "kernels/core/team.h"
#include "kernels/dropout/dropout.h"

namespace samebits::dropout::SAMEBITS_ISA {
namespace {

using samebits::SAMEBITS_ISA::Floats;
using samebits::SAMEBITS_ISA::kVectorLanes;
using samebits::SAMEBITS_ISA::Load;
using samebits::SAMEBITS_ISA::Store;
using samebits::SAMEBITS_ISA::StoreLowBytes;
using samebits::SAMEBITS_ISA::WidenBytes;
using samebits::SAMEBITS_ISA::Words;

constexpr std::int64_t kGrain = 4096;  // blocks worth a task of their own

template <class Word>
[[gnu::always_inline]] inline Word RotateLeft(Word x, int by) {
  return x << by | x >> (32 - by);
}

// N blocks side by side: one alone would wait for each of its steps.
template <int R0, int R1, int R2, int R3, class Word, int N>
[[gnu::always_inline]] inline void FourRounds(Word (&x0)[N], Word (&x1)[N]) {
  for (const int by : {R0, R1, R2, R3}) {
    for (int j = 0; j < N; ++j) x0[j] += x1[j], x1[j] = RotateLeft(x1[j], by) ^ x0[j];
  }
}

template <class Word, int N>
[[gnu::always_inline]] inline void Add(std::uint32_t k0, std::uint32_t k1, Word (&x0)[N],
                                       Word (&x1)[N]) {
  for (int j = 0; j < N; ++j) x0[j] += k0, x1[j] += k1;
}

template <class Word, int N>
[[gnu::always_inline]] inline void Threefry(const std::uint32_t (&keys)[3], Word (&x0)[N],
                                            Word (&x1)[N]) {
  Add(keys[0], keys[1], x0, x1);
  FourRounds<13, 15, 26, 6>(x0, x1);
  Add(keys[1], keys[2] + 1, x0, x1);
  FourRounds<17, 29, 16, 24>(x0, x1);
  Add(keys[2], keys[0] + 2, x0, x1);
  FourRounds<13, 15, 26, 6>(x0, x1);
  Add(keys[0], keys[1] + 3, x0, x1);
  FourRounds<17, 29, 16, 24>(x0, x1);
  Add(keys[1], keys[2] + 4, x0, x1);
  FourRounds<13, 15, 26, 6>(x0, x1);
  Add(keys[2], keys[0] + 5, x0, x1);
}

// What becomes of an element that is kept, or not: y = x * scale, else +0.
struct Select {
  float scale;
  const float* x;
  float* y;

  template <class Values, class Kept>  // bool, or all bits of a lane
  [[gnu::always_inline]] void operator()(std::int64_t i, Kept keeps) const {
    const Values kept = Load<Values>(x + i) * scale, dropped = {};
    Store<Values>(keeps ? kept : dropped, y + i);
  }
};

// Its byte of the mask.
struct Note {
  std::uint8_t* kept;

  template <class Values, class Kept>
  [[gnu::always_inline]] void operator()(std::int64_t i, Kept keeps) const {
    if constexpr (sizeof(Values) == sizeof(float)) {
      kept[i] = keeps;
    } else {
      StoreLowBytes(__builtin_bit_cast(Words, keeps) & 1, kept + i);
    }
  }
};

[[gnu::always_inline]] inline void Philox(std::uint32_t k0, std::uint32_t k1, std::uint32_t& c0,
                                          std::uint32_t& c1, std::uint32_t& c2, std::uint32_t& c3) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * c0, b = std::uint64_t{0xCD9E8D57} * c2;
    c0 = static_cast<std::uint32_t>(b >> 32) ^ c1 ^ k0;
    c1 = static_cast<std::uint32_t>(b);
    c2 = static_cast<std::uint32_t>(a >> 32) ^ c3 ^ k1;
    c3 = static_cast<std::uint32_t>(a);
    k0 += 0x9E3779B9, k1 += 0xBB67AE85;
  }
}

// Blocks [begin, end); none where end is not above begin.
struct Range {
  std::int64_t begin, end;
};
[[gnu::always_inline]] inline Range Common(const Range& a, const Range& b) {
  const Range common = {a.begin > b.begin ? a.begin : b.begin, a.end < b.end ? a.end : b.end};
  return common.begin < common.end ? common : Range{a.end, a.end};
}
[[gnu::always_inline]] inline Range Before(const Range& all, const Range& part) {
  return {all.begin, part.begin < all.end ? part.begin : all.end};
}
[[gnu::always_inline]] inline Range Behind(const Range& all, const Range& part) {
  return {part.end > all.begin ? part.end : all.begin, all.end};
}

// The stream keras-tensorflow: a block holds the words of four neighbours.
template <class Use>
void ForEachPhilox(const Shape& s, const std::int64_t* seed, Team& team, const Use& use) {
  const PhiloxWords philox = PhiloxWordsOf(seed);
  const std::uint32_t k0 = philox.key0, k1 = philox.key1;
  const std::uint32_t bound = s.keep_from;
  constexpr int kBlocks = 64;  // computed side by side
  const std::int64_t first = s.first / 4, last = s.first + s.n;
  team.RunRanges((last + 3) / 4 - first, kGrain / 2, [&](std::int64_t begin, std::int64_t end) {
    begin += first, end += first;
    for (std::int64_t i = begin; i < end;) {
      const std::int64_t now = end - i < kBlocks ? end - i : kBlocks;
      std::uint32_t words[4][kBlocks];
      for (int j = 0; j < kBlocks; ++j) {
        std::uint32_t c0 = static_cast<std::uint32_t>(i + j), c1 = 0, c2 = philox.high0,
                      c3 = philox.high1;
        Philox(k0, k1, c0, c1, c2, c3);
        words[0][j] = c0, words[1][j] = c1, words[2][j] = c2, words[3][j] = c3;
      }
      const std::int64_t from = 4 * i < s.first ? s.first - 4 * i : 0;
      const std::int64_t to = 4 * (i + now) <= last ? 4 * now : last - 4 * i;
      for (std::int64_t j = from; j < to; ++j) {
        use.template operator()<float>(4 * i + j - s.first,
                                       (words[j % 4][j / 4] & 0x7FFFFF) >= bound);
      }
      i += now;
    }
  });
}

// Calls use<Values>(index of the first, which are kept) for all elements.
template <class Use>
void ForEach(const Shape& s, const std::int64_t* stream, Team& team, const Use& use) {
  if (s.tensorflow) return ForEachPhilox(s, stream, team, use);
  const auto k0 = static_cast<std::uint32_t>(stream[0]), k1 = static_cast<std::uint32_t>(stream[1]);
  const std::uint32_t keys[3] = {k0, k1, k0 ^ k1 ^ 0x1BD11BDAu};
  const std::int64_t whole = s.of / 2, half = s.of - whole;
  // The blocks whose first words fall into [first, first + n), and those whose second words do; of
  // a whole batch they are the same.
  const std::int64_t end = s.first + s.n;
  const Range first_words = {s.first, end < whole ? end : whole};
  const Range second_words = {s.first > half ? s.first - half : 0, end - half};
  // N vectors of blocks from block i on.
  const auto blocks = [&]<class Values, class Word, int N, bool kFirst, bool kSecond>(
                          std::int64_t i, Word(&first)[N]) {
    constexpr std::int64_t kWidth = sizeof(Values) / sizeof(float);
    Word second[N];
    for (int j = 0; j < N; ++j) second[j] = first[j] + static_cast<std::uint32_t>(half);
    Threefry(keys, first, second);
    for (int j = 0; j < N; ++j) {
      const std::int64_t at = i + j * kWidth - s.first;
      if (kFirst) use.template operator()<Values>(at, first[j] >> 9 < s.keep_below);
      if (kSecond) use.template operator()<Values>(half + at, second[j] >> 9 < s.keep_below);
    }
  };
  Words lanes;
  for (std::uint32_t j = 0; j < kVectorLanes; ++j) lanes[j] = j;
  const auto all = [&]<bool kFirst, bool kSecond>(const Range& range) {
    team.RunRanges(range.end - range.begin, kGrain, [&](std::int64_t begin, std::int64_t end) {
      begin += range.begin, end += range.begin;
      constexpr int kVectors = 4;
      std::int64_t i = begin;
      for (; i + kVectors * kVectorLanes <= end; i += kVectors * kVectorLanes) {
        Words first[kVectors];
        for (int j = 0; j < kVectors; ++j) {
          first[j] = lanes + static_cast<std::uint32_t>(i + j * kVectorLanes);
        }
        blocks.template operator()<Floats, Words, kVectors, kFirst, kSecond>(i, first);
      }
      for (; i < end; ++i) {
        std::uint32_t first[] = {static_cast<std::uint32_t>(i)};
        blocks.template operator()<float, std::uint32_t, 1, kFirst, kSecond>(i, first);
      }
    });
  };
  const Range both = Common(first_words, second_words);
  all.template operator()<true, true>(both);
  all.template operator()<true, false>(Before(first_words, both));
  all.template operator()<true, false>(Behind(first_words, both));
  all.template operator()<false, true>(Before(second_words, both));
  all.template operator()<false, true>(Behind(second_words, both));
  // Of an odd number the last block's second counter is 0, its second word unused.
  if (half > whole && s.first <= whole && whole < end) {
    std::uint32_t first[] = {static_cast<std::uint32_t>(whole)}, second[] = {0};
    Threefry(keys, first, second);
    use.template operator()<float>(whole - s.first, first[0] >> 9 < s.keep_below);
  }
}

}  // namespace

void Apply(const Shape& s, const Buffers& buffers, Team& team) {
  ForEach(s, buffers.in<std::int64_t>(1), team, Select{s.scale, buffers.in(0), buffers.out(0)});
}

void Mask(const Shape& s, const Buffers& buffers, Team& team) {
  ForEach(s, buffers.in<std::int64_t>(0), team, Note{buffers.out<std::uint8_t>(0)});
}

void Masked(const Shape& s, const Buffers& buffers, Team& team) {
  const Select select = {s.scale, buffers.in(0), buffers.out(0)};
  const auto* const kept = buffers.in<std::uint8_t>(1);
  team.RunRanges(s.n, 4 * kGrain, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t i = begin;
    for (; i + kVectorLanes <= end; i += kVectorLanes) {
      select.template operator()<Floats>(i, WidenBytes(kept + i) != 0);
    }
    for (; i < end; ++i) select.template operator()<float>(i, kept[i] != 0);
  });
}

}  // namespace samebits::dropout::SAMEBITS_ISA
