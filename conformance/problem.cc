#include "conformance/problem.h"

#include <cstring>
#include <new>

#include <fmt/format.h>

#include "kernels/core/digest.h"
#include "kernels/core/error.h"
#include "kernels/core/inputs.h"

namespace samebits {
namespace {

constexpr std::align_val_t kAlignment{64};
// Every byte of an output before a run: as a float, -4.3e8.
constexpr int kPoison = 0xcd;

}  // namespace

void Problem::Free::operator()(std::byte* bytes) const { ::operator delete[](bytes, kAlignment); }

Problem::Problem(const Op& op, const std::string& case_id)
    : case_(Case::Parse(case_id)), signature_(op.signature(case_)) {
  const auto allocate = [&](const Tensor& tensor) {
    try {
      memory_.emplace_back(new (kAlignment) std::byte[tensor.Bytes()]);
    } catch (const std::bad_alloc&) {
      throw UserError(fmt::format("case '{}': tensor {} of {} bytes does not fit into memory",
                                  case_id, tensor.name, tensor.Bytes()));
    }
    return memory_.back().get();
  };
  for (std::size_t i = 0; i < signature_.inputs.size(); ++i) {
    const Tensor& tensor = signature_.inputs[i];
    std::byte* const data = allocate(tensor);
    buffers_.inputs[i] = data;
    if (op.fill != nullptr) {
      op.fill(case_, static_cast<int>(i), tensor, data);
    } else {
      FillFloats(case_, static_cast<int>(i),
                 {reinterpret_cast<float*>(data), static_cast<std::size_t>(tensor.Elements())});
    }
  }
  for (std::size_t i = 0; i < signature_.outputs.size(); ++i) {
    buffers_.outputs[i] = allocate(signature_.outputs[i]);
  }
}

void Problem::PoisonOutputs() {
  for (std::size_t i = 0; i < signature_.outputs.size(); ++i) {
    std::memset(buffers_.outputs[i], kPoison, signature_.outputs[i].Bytes());
  }
}

std::string Problem::InputDigest() const {
  return Sha256Hex(BitstreamOf(signature_.inputs, {buffers_.inputs.data(), Buffers::kMost}));
}

Bitstream Problem::Outputs() const {
  return BitstreamOf(signature_.outputs,
                     {const_cast<const void* const*>(buffers_.outputs.data()), Buffers::kMost});
}

}  // namespace samebits
