// The terms behind one output element of an operation that is a sum, for naming the order that a
// wrong result was computed in.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace samebits {

struct Term {
  float a, b;
  bool present = true;
};
using Terms = std::vector<Term>;

// finish(tree over the leaves of the sum of each, + bias). A channel sum is a dot with ones; a row
// sum rounds its products, then adds them.
struct OutputTerms {
  std::vector<Terms> leaves;  // in gradients those of the batch, else a single one
  std::int64_t chain;         // terms in a chain of a dot; 0: a row sum
  std::optional<float> bias;
  std::function<float(float)> finish;  // null: nothing
};

}  // namespace samebits
