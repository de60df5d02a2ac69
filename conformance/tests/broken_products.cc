// Mistakes in the product by integers: those that explain knows, under the names it gives them.
#include <algorithm>
#include <string>
#include <vector>

#include "conformance/tests/broken_kernels.h"
#include "conformance/wrong_kernels.h"
#include "kernels/core/cpu.h"
#include "kernels/exact/exact.h"

namespace samebits {
namespace {

// As names of tests can be.
const std::vector<std::string>& Names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result;
    for (const WrongKernel& wrong : WrongKernels(exact::kProduct)) {
      std::string& name = result.emplace_back(wrong.name);
      std::ranges::replace_if(
          name, [](char c) { return c == ' ' || c == '^'; }, '_');
    }
    return result;
  }();
  return names;
}

}  // namespace

std::span<const BrokenKernel> BrokenProducts() {
  static const std::vector<BrokenKernel> broken = [] {
    std::vector<BrokenKernel> result;
    for (const WrongKernel& wrong : WrongKernels(exact::kProduct)) {
      result.push_back(
          {{&exact::kProduct, Names()[result.size()], &kCpu, Claim::kEverywhere, wrong.run}});
    }
    return result;
  }();
  return broken;
}

std::span<const Kernel> SoundProducts() {
  static const Kernel kSound[] = {
      {&exact::kProduct, "sound", &kCpu, Claim::kEverywhere, ProductWithoutMistake}};
  return kSound;
}

}  // namespace samebits
