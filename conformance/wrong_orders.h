// The mistakes that writers of sums make: each gives the bits that one element would have.
#pragma once

#include <span>
#include <string_view>

#include "kernels/core/terms.h"

namespace samebits {

struct WrongOrder {
  std::string_view name;  // "one long chain"
  float (*compute)(const OutputTerms&);
};

// Those that can be made with such terms: a dot's or a row sum's.
std::span<const WrongOrder> WrongOrders(const OutputTerms& terms);

// The contract's own order: what the reference gives.
float RightOrder(const OutputTerms& terms);

}  // namespace samebits
