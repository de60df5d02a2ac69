#include "model/precision.h"

#include <fmt/format.h>

#include "kernels/core/error.h"

namespace samebits {

std::string_view NameOf(Precision precision) {
  switch (precision) {
    case Precision::kBfloat16:
      return "bfloat16";
    case Precision::kFloat16:
      return "float16";
    default:
      return "float32";
  }
}

Precision FindPrecision(std::string_view name) {
  for (const Precision known : {Precision::kFloat32, Precision::kBfloat16, Precision::kFloat16}) {
    if (NameOf(known) == name) return known;
  }
  throw UserError(
      fmt::format("precision '{}' is not known; there are: float32 bfloat16 float16", name));
}

}  // namespace samebits
