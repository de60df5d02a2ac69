#include "kernels/core/registry.h"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include "kernels/core/rows.h"

namespace samebits {
namespace {

struct Registry {
  std::vector<const Kernel*> kernels;
  std::vector<const Op*> ops;

  Registry() {
    for (const std::span<const Kernel> rows :
         {rows::Conv2d(), rows::Dense(), rows::Exact(), rows::Pool2d(), rows::Activation(),
          rows::Softmax(), rows::Loss(), rows::Embedding(), rows::Rnn(), rows::Convert(),
          rows::Dropout(), rows::Initializer(), rows::Adam(), rows::AllReduce(), rows::Pipeline(),
          rows::Training(), rows::Comparators()}) {
      for (const Kernel& kernel : rows) {
        kernels.push_back(&kernel);
        if (std::find(ops.begin(), ops.end(), kernel.op) == ops.end()) ops.push_back(kernel.op);
      }
    }
  }
};

Registry& TheRegistry() {
  static Registry registry;
  return registry;
}

}  // namespace

std::span<const Kernel* const> AllKernels() { return TheRegistry().kernels; }
std::span<const Op* const> AllOps() { return TheRegistry().ops; }

const Op* FindOp(std::string_view name) {
  for (const Op* op : AllOps()) {
    if (op->name == name) return op;
  }
  return nullptr;
}

const Kernel* FindKernel(const Op& op, std::string_view name) {
  for (const Kernel* kernel : AllKernels()) {
    if (kernel->op == &op && kernel->name == name) return kernel;
  }
  return nullptr;
}

void AddKernel(const Kernel& kernel) { TheRegistry().kernels.push_back(&kernel); }

const Kernel& Reference(const Op& op) {
  const Kernel* reference = FindKernel(op, "reference");
  if (reference == nullptr) throw std::logic_error(fmt::format("{} has no reference", op.name));
  return *reference;
}

}  // namespace samebits
