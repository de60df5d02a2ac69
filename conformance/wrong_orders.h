// The mistakes that writers of dots make: each gives the bits that one element would have.
#pragma once

#include <span>
#include <string_view>

#include "kernels/core/terms.h"

namespace samebits {

struct WrongOrder {
  std::string_view name;  // "one long chain"
  float (*compute)(const OutputTerms&);
};

std::span<const WrongOrder> WrongOrders();

// The contract's own order: what the reference gives.
float RightOrder(const OutputTerms& terms);

}  // namespace samebits
