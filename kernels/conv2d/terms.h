// The terms of conv2d, in the contract's order (conv2d.h), one output element at a time.
#pragma once

#include "kernels/conv2d/conv2d.h"
#include "kernels/core/terms.h"

namespace samebits::conv2d {

OutputTerms ForwardTerms(const Shape& s, const Buffers& buffers, std::int64_t output);
OutputTerms DataGradientTerms(const Shape& s, const Buffers& buffers, std::int64_t output);
OutputTerms WeightGradientTerms(const Shape& s, const Buffers& buffers, std::int64_t output);
OutputTerms BiasGradientTerms(const Shape& s, const Buffers& buffers, std::int64_t output);

// For rows of operations: takes the shape of the case.
template <auto shape_of, auto terms>
OutputTerms TermsOf(const Case& c, const Buffers& buffers, std::int64_t output) {
  return terms(shape_of(c), buffers, output);
}

}  // namespace samebits::conv2d
