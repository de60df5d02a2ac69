#include "kernels/convert/stored.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "kernels/convert/convert.h"
#include "kernels/core/error.h"
#include "kernels/core/inputs.h"
#include "kernels/core/registry.h"
#include "kernels/core/rows.h"
#include "kernels/core/scratch.h"
#include "kernels/core/team.h"

namespace samebits::convert {
namespace {

// "float" of float16, "bfloat" of bfloat16; empty: neither.
std::string_view SettingOf(const Case& c) {
  const std::int64_t bfloat = c.Get("bfloat", 0), binary = c.Get("float", 0);
  if (bfloat == 0 && binary == 0) return {};
  if (bfloat + binary != 16 || (bfloat != 0 && binary != 0)) {
    throw UserError(fmt::format("case '{}': tensors are stored in bfloat16 or in float16", c.id()));
  }
  return bfloat != 0 ? "bfloat" : "float";
}

// Of `count` elements of a case in 16 bits.
Case Conversion(const Case& c, std::int64_t count, std::int64_t down = 0) {
  return Case::Parse(fmt::format("n{}down{}_{}16", count, down, SettingOf(c)));
}

const Kernel& ConversionLike(const Kernel& kernel, const Op& conversion) {
  const Kernel* const same = FindKernel(conversion, kernel.name);
  return same != nullptr ? *same : *FindKernel(conversion, "portable");
}

void StoreFloats(std::vector<Tensor>& tensors) {
  for (Tensor& tensor : tensors) {
    if (tensor.type == DType::kFloat32) tensor.type = DType::kUint16;
  }
}

bool InSixteenBits(const Tensor& tensor) { return tensor.type == DType::kUint16; }

// Up to a multiple of 64 bytes, so that every tensor begins at one.
std::int64_t PaddedFloats(const Tensor& tensor) { return (tensor.Elements() + 15) / 16 * 16; }

}  // namespace

bool IsStored(const Case& c) { return !SettingOf(c).empty(); }

Signature WithStoredInputs(const Case& c, Signature signature) {
  if (IsStored(c)) StoreFloats(signature.inputs);
  return signature;
}

Signature Stored(const Case& c, Signature signature) {
  if (IsStored(c)) StoreFloats(signature.outputs);
  return WithStoredInputs(c, std::move(signature));
}

void FillStored(const Case& c, int tensor, std::span<std::uint16_t> values) {
  const Format& f = SettingOf(c) == "bfloat" ? kBfloat16 : kFloat16;
  const int fraction = f.precision - 1;
  const auto one = std::uint32_t{1} << fraction;  // the smallest normal number
  const std::uint32_t infinity = static_cast<std::uint32_t>(f.highest - f.lowest + 2) << fraction;
  std::vector<float> floats(values.size());
  FillFloats(c, tensor, floats);
  Team team(1);
  Run(Reference(kNarrow), Conversion(c, std::ssize(floats)), {{floats.data()}, {values.data()}},
      team);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint32_t word =
        InputWord(c.Seed(), static_cast<std::uint64_t>(tensor), static_cast<std::uint64_t>(i));
    std::uint32_t magnitude;
    if (c.Has("bits")) {
      magnitude = word & 0x7fff;
    } else if (floats[i] != floats[i]) {
      magnitude = infinity | (word >> 9 & (one - 1)) | 1;
    } else if (c.Has("subnormal") && (word & 1) == 0) {
      magnitude = word >> 7 & (2 * one - 1);
    } else if (c.Has("tiny") && (word & 2) != 0) {
      magnitude = word >> 7 & (one - 1);
    } else if (c.Has("cancel") && &f == &kFloat16) {
      magnitude = (15 - 6 + (word >> 1 & 0xff) % 13) << fraction | (word >> 9 & (one - 1));
    } else {
      continue;
    }
    values[i] = static_cast<std::uint16_t>((word >> 16 & 0x8000) | magnitude);
  }
}

std::uint16_t Rounded(const Case& c, float value) {
  std::uint16_t bits;
  Team team(1);
  Run(Reference(kNarrow), Conversion(c, 1), {{&value}, {&bits}}, team);
  return bits;
}

float NumberOf(const Case& c, std::uint16_t bits) {
  float value;
  Team team(1);
  Run(Reference(kWiden), Conversion(c, 1), {{&bits}, {&value}}, team);
  return value;
}

Widened::Widened(const Kernel& kernel, const Case& c, const Buffers& stored, Team& team)
    : kernel_(kernel),
      stored_case_(c),
      case_(c.Without(SettingOf(c))),
      signature_(kernel.op->signature(c)),
      stored_(stored),
      buffers_(stored) {
  std::int64_t floats = 0;
  for (const auto* tensors : {&signature_.inputs, &signature_.outputs}) {
    for (const Tensor& tensor : *tensors) {
      if (InSixteenBits(tensor)) floats += PaddedFloats(tensor);
    }
  }
  float* memory = Scratch(ScratchSlot::kWidened, floats);
  const Kernel& widen = ConversionLike(kernel, kWiden);
  for (std::size_t i = 0; i < signature_.inputs.size(); ++i) {
    const Tensor& tensor = signature_.inputs[i];
    if (!InSixteenBits(tensor)) continue;
    buffers_.inputs[i] = memory;
    widen.run(Conversion(c, tensor.Elements(), c.Get("down", 0)), {{stored.inputs[i]}, {memory}},
              team);
    memory += PaddedFloats(tensor);
  }
  for (std::size_t i = 0; i < signature_.outputs.size(); ++i) {
    if (!InSixteenBits(signature_.outputs[i])) continue;
    buffers_.outputs[i] = memory;
    memory += PaddedFloats(signature_.outputs[i]);
  }
}

void Widened::NarrowOutputs(Team& team) const {
  const Kernel& narrow = ConversionLike(kernel_, kNarrow);
  for (std::size_t i = 0; i < signature_.outputs.size(); ++i) {
    const Tensor& tensor = signature_.outputs[i];
    if (!InSixteenBits(tensor)) continue;
    narrow.run(Conversion(stored_case_, tensor.Elements()),
               {{buffers_.outputs[i]}, {stored_.outputs[i]}}, team);
  }
}

}  // namespace samebits::convert
