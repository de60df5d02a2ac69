// The terms behind one output element of an operation that is a dot, for naming the order that a
// wrong result was computed in.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace samebits {

struct Term {
  float a, b;
  bool present = true;
};
using Terms = std::vector<Term>;

// act(tree over the leaves of the dot of each, + bias); a channel sum multiplies by 1.
struct OutputTerms {
  std::vector<Terms> leaves;  // in gradients those of the batch, else a single one
  std::int64_t chain;         // terms in a chain
  std::optional<float> bias;
  bool relu = false;
};

}  // namespace samebits
