#include "kernels/math/power.h"

#include "kernels/math/double_double.h"

namespace samebits {

float PowerOfBeta(float base, std::int64_t t) {
  // A square may underflow even in binary64. If it is a factor, the result is +0 with or without
  // it.
  DoubleDouble result{1, 0};
  DoubleDouble square{base, 0};
  for (; t > 0; t /= 2) {
    if (t % 2 == 1) result = Multiply(result, square);
    square = Multiply(square, square);
  }
  return RoundToFloat(result);
}

}  // namespace samebits
