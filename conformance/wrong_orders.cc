#include "conformance/wrong_orders.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "conformance/sums.h"

namespace samebits {
namespace {

constexpr std::size_t kSegmentChains = kSegment;

float Finish(float sum, const OutputTerms& terms) {
  const float y = terms.bias ? sum + *terms.bias : sum;
  return terms.finish ? terms.finish(y) : y;
}

// One leaf's dot in some order; `chain` is the number of terms in the contract's chains.
using LeafDot = float(const Terms&, std::size_t chain);

template <LeafDot* dot>
Sums LeafSums(const OutputTerms& terms) {
  Sums sums;
  for (const Terms& leaf : terms.leaves) {
    sums.push_back(dot(leaf, static_cast<std::size_t>(terms.chain)));
  }
  return sums;
}

template <LeafDot* dot>
float PerLeaf(const OutputTerms& terms) {
  return Finish(TreeOf(LeafSums<dot>(terms)), terms);
}

float Right(const Terms& terms, std::size_t chain) {
  return BlockedDot(terms, chain, kSegmentChains);
}

float OneChain(const Terms& terms, std::size_t) {
  return LeftToRight(Chains(terms, terms.size())) + 0.0f;
}

template <std::size_t length>
float ChainsOf(const Terms& terms, std::size_t) {
  return BlockedDot(terms, length, kSegmentChains);
}

template <std::size_t length>
float SegmentsOf(const Terms& terms, std::size_t chain) {
  return BlockedDot(terms, chain, length);
}

float SegmentsLeftToRight(const Terms& terms, std::size_t chain) {
  return LeftToRight(Segments(Chains(terms, chain), kSegmentChains)) + 0.0f;
}

float TreeOfChains(const Terms& terms, std::size_t chain) {
  return TreeOf(Chains(terms, chain)) + 0.0f;
}

template <std::size_t parts>
float InParts(const Terms& terms, std::size_t chain) {
  Sums sums;
  for (std::size_t part = 0; part < parts; ++part) {
    const auto at = [&](std::size_t p) {
      return terms.begin() + static_cast<std::ptrdiff_t>(p * terms.size() / parts);
    };
    sums.push_back(Right(Terms(at(part), at(part + 1)), chain));
  }
  return LeftToRight(sums);
}

template <std::size_t count>
float PartialSums(const Terms& terms, std::size_t) {
  Sums lanes(count);
  for (std::size_t i = 0; i < terms.size(); ++i) {
    float& lane = lanes[i % count];
    if (terms[i].present) lane = std::fma(terms[i].a, terms[i].b, lane);
  }
  return TreeOf(lanes) + 0.0f;
}

float Reversed(const Terms& terms, std::size_t chain) {
  return Right(Terms(terms.rbegin(), terms.rend()), chain);
}

float InDouble(const Terms& terms, std::size_t) {
  double sum = 0.0;
  for (const Term& term : terms) {
    if (term.present) sum += static_cast<double>(term.a) * static_cast<double>(term.b);
  }
  return static_cast<float>(sum) + 0.0f;
}

float WithoutZero(const Terms& terms, std::size_t chain) {
  return TreeOf(Segments(Chains(terms, chain), kSegmentChains));
}

// The contract's order of other terms.
template <void (*change)(Term&)>
float Changed(const Terms& terms, std::size_t chain) {
  Terms changed = terms;
  for (Term& term : changed) change(term);
  return Right(changed, chain);
}

void RoundProduct(Term& term) { term = {term.a * term.b, 1.0f, term.present}; }

// 10 bits of fraction, as a tensor core reads them.
void CutToTensorFloat(Term& term) {
  const auto cut = [](float x) {
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0xffffe000u);
  };
  term.a = cut(term.a), term.b = cut(term.b);
}

void FillWithZero(Term& term) { term.present = true; }

float AbsentLeftOut(const Terms& terms, std::size_t chain) {
  Terms compact = terms;
  std::erase_if(compact, [](const Term& term) { return !term.present; });
  return Right(compact, chain);
}

float BiasFirst(const OutputTerms& terms) {
  if (!terms.bias) return RightOrder(terms);
  const Sums chains = Chains(terms.leaves[0], static_cast<std::size_t>(terms.chain), *terms.bias);
  const float sum = TreeOf(Segments(chains, kSegmentChains)) + 0.0f;
  return Finish(sum, {{}, terms.chain, {}, terms.finish});
}

float LeavesLeftToRight(const OutputTerms& terms) {
  return Finish(LeftToRight(LeafSums<Right>(terms)), terms);
}

float AcrossLeaves(const OutputTerms& terms) {
  Terms batch;
  for (const Terms& leaf : terms.leaves) batch.insert(batch.end(), leaf.begin(), leaf.end());
  return Finish(Right(batch, static_cast<std::size_t>(terms.chain)), terms);
}

float EmptyLeavesLeftOut(const OutputTerms& terms) {
  OutputTerms full = terms;
  std::erase_if(full.leaves, [](const Terms& leaf) { return leaf.empty(); });
  return RightOrder(full);
}

float RoundThenAdd(const Term& term, float sum) { return sum + term.a * term.b; }
float Fused(const Term& term, float sum) { return std::fma(term.a, term.b, sum); }

using Fold = float(const Sums&);
constexpr std::size_t kAll = std::numeric_limits<std::ptrdiff_t>::max();

// A row sum of any numbers of lanes and elements to a partial, added in any way.
template <std::size_t lanes, std::size_t partial, Fold* fold_lanes = TreeOf,
          Fold* fold_partials = TreeOf, auto add = RoundThenAdd>
float Row(const Terms& terms, std::size_t = 0) {
  Sums partials;
  for (std::size_t begin = 0; begin < terms.size(); begin += partial) {
    Sums sums(lanes);
    for (std::size_t i = begin; i < std::min(begin + partial, terms.size()); ++i) {
      float& sum = sums[(i - begin) % lanes];
      sum = add(terms[i], sum);
    }
    partials.push_back(fold_lanes(sums));
  }
  return fold_partials(partials);
}

float RightRow(const Terms& terms, std::size_t) { return Row<kLanes, kPartial>(terms); }

float ReversedRow(const Terms& terms, std::size_t) {
  return Row<kLanes, kPartial>(Terms(terms.rbegin(), terms.rend()));
}

constexpr WrongOrder kRowOrders[] = {
    {"one long chain", PerLeaf<Row<1, kAll>>},
    {"8 lanes", PerLeaf<Row<8, kPartial>>},
    {"32 lanes", PerLeaf<Row<32, kPartial>>},
    {"lanes added left to right", PerLeaf<Row<kLanes, kPartial, LeftToRight>>},
    {"partials of 2,048 elements", PerLeaf<Row<kLanes, kPartial / 2>>},
    {"partials of 8,192 elements", PerLeaf<Row<kLanes, kPartial * 2>>},
    {"16 lanes without partials", PerLeaf<Row<kLanes, kAll>>},
    {"partials added left to right", PerLeaf<Row<kLanes, kPartial, TreeOf, LeftToRight>>},
    {"elements in reverse", PerLeaf<ReversedRow>},
    {"products not rounded before they are added, with fma",
     PerLeaf<Row<kLanes, kPartial, TreeOf, TreeOf, Fused>>},
    {"sums in double precision", PerLeaf<InDouble>},
};

constexpr WrongOrder kDotOrders[] = {
    {"one long chain", PerLeaf<OneChain>},
    {"products rounded before they are added, without fma", PerLeaf<Changed<RoundProduct>>},
    {"chains of 128 terms", PerLeaf<ChainsOf<128>>},
    {"chains of 255 terms", PerLeaf<ChainsOf<255>>},
    {"chains of 256 terms", PerLeaf<ChainsOf<256>>},  // where they should be whole rows
    {"chains of 257 terms", PerLeaf<ChainsOf<257>>},
    {"chains of 512 terms", PerLeaf<ChainsOf<512>>},
    {"segments of 8 chains", PerLeaf<SegmentsOf<8>>},
    {"segments of 15 chains", PerLeaf<SegmentsOf<15>>},
    {"segments of 32 chains", PerLeaf<SegmentsOf<32>>},
    {"segments added left to right", PerLeaf<SegmentsLeftToRight>},
    {"a tree over chains, without segments", PerLeaf<TreeOfChains>},
    {"split-K: the terms in 2 parts", PerLeaf<InParts<2>>},
    {"split-K: the terms in 4 parts", PerLeaf<InParts<4>>},
    {"terms in reverse", PerLeaf<Reversed>},
    {"8 partial sums", PerLeaf<PartialSums<8>>},
    {"16 partial sums", PerLeaf<PartialSums<16>>},
    {"sums in double precision", PerLeaf<InDouble>},
    {"factors cut to TensorFloat-32", PerLeaf<Changed<CutToTensorFloat>>},
    {"no + 0.0f at the end of the dot", PerLeaf<WithoutZero>},
    {"the bias added first", BiasFirst},
    {"absent terms left out, so that chains move", PerLeaf<AbsentLeftOut>},
    {"absent terms as zeros", PerLeaf<Changed<FillWithZero>>},
    {"leaves added left to right", LeavesLeftToRight},
    {"chains across leaves", AcrossLeaves},
    {"empty leaves left out", EmptyLeavesLeftOut},
};

}  // namespace

std::span<const WrongOrder> WrongOrders(const OutputTerms& terms) {
  return terms.chain == 0 ? std::span<const WrongOrder>(kRowOrders) : kDotOrders;
}

float RightOrder(const OutputTerms& terms) {
  return terms.chain == 0 ? PerLeaf<RightRow>(terms) : PerLeaf<Right>(terms);
}

}  // namespace samebits
