#include "conformance/problem.h"

#include <algorithm>
#include <cstring>
#include <new>

#include <fmt/format.h>

#include "kernels/convert/stored.h"
#include "kernels/core/digest.h"
#include "kernels/core/error.h"
#include "kernels/core/inputs.h"

namespace samebits {
namespace {

constexpr std::align_val_t kAlignment{64};
// Every byte of an output before a run: as a float, -4.3e8.
constexpr int kPoison = 0xcd;
// Bytes on each side of a tensor, more than the widest vector. As floats they are NaNs, so that a
// kernel that uses what it read there shows too.
constexpr std::size_t kGuard = 128;
constexpr std::byte kGuardByte{0xff};

}  // namespace

std::int64_t BytesOf(const Signature& signature) {
  std::size_t bytes = 0;
  for (const auto* tensors : {&signature.inputs, &signature.outputs}) {
    for (const Tensor& tensor : *tensors) bytes += tensor.Bytes();
  }
  return static_cast<std::int64_t>(bytes);
}

void Problem::Free::operator()(std::byte* bytes) const { ::operator delete[](bytes, kAlignment); }

Problem::Problem(const Op& op, const std::string& case_id, int offset)
    : case_(Case::Parse(case_id)), signature_(op.signature(case_)) {
  for (std::size_t i = 0; i < signature_.inputs.size(); ++i) {
    const Tensor& tensor = signature_.inputs[i];
    std::byte* const data = Allocate(tensor, offset);
    buffers_.inputs[i] = data;
    const auto index = static_cast<int>(i);
    const auto elements = static_cast<std::size_t>(tensor.Elements());
    if (tensor.type == DType::kFloat32) {
      FillFloats(case_, index, {reinterpret_cast<float*>(data), elements});
    } else if (tensor.type == DType::kUint16) {
      convert::FillStored(case_, index, {reinterpret_cast<std::uint16_t*>(data), elements});
    }
    if (op.fill != nullptr) op.fill(case_, index, tensor, data);
  }
  for (std::size_t i = 0; i < signature_.outputs.size(); ++i) {
    buffers_.outputs[i] = Allocate(signature_.outputs[i], offset);
  }
}

std::byte* Problem::Allocate(const Tensor& tensor, int offset) {
  const std::size_t front = kGuard + static_cast<std::size_t>(offset) * SizeOf(tensor.type);
  const std::size_t whole = front + tensor.Bytes() + kGuard;
  try {
    memory_.push_back({tensor.name, {new (kAlignment) std::byte[whole], Free()}, {}, {}});
  } catch (const std::bad_alloc&) {
    throw UserError(fmt::format("case '{}': tensor {} of {} bytes does not fit into memory",
                                case_.id(), tensor.name, tensor.Bytes()));
  }
  Block& block = memory_.back();
  block.front = {block.bytes.get(), front};
  block.back = {block.bytes.get() + whole - kGuard, kGuard};
  for (const auto& guard : {block.front, block.back}) {
    std::fill(guard.begin(), guard.end(), kGuardByte);
  }
  return block.bytes.get() + front;
}

std::string_view Problem::WrittenOutside() const {
  const auto touched = [](std::span<const std::byte> guard) {
    return std::any_of(guard.begin(), guard.end(), [](std::byte b) { return b != kGuardByte; });
  };
  for (const Block& block : memory_) {
    if (touched(block.front) || touched(block.back)) return block.name;
  }
  return {};
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
