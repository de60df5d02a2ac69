// The kernels a network runs on: for each operation the row of one name.
#pragma once

#include <string>
#include <string_view>

#include "kernels/core/op.h"

namespace samebits {

class KernelSet {
 public:
  // `name` is that of kernel rows ("reference", "portable", "avx2"), or "auto" for the best this
  // machine runs. Throws UserError when no row has the name, UnavailableError when this machine
  // lacks what they need.
  explicit KernelSet(std::string_view name);

  // Never "auto".
  const std::string& name() const { return name_; }
  const Kernel& For(const Op& op) const;

 private:
  std::string name_;
};

}  // namespace samebits
