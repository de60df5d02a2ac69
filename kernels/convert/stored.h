// Cases whose float tensors lie in memory in 16 bits: setting bfloat16 or float16.
//
// The operation is that of binary32 and keeps its order: inputs are widened exactly (widen_v1), and
// of every output the last result alone is rounded (narrow_v1), to nearest even: beyond the largest
// is infinity, subnormals are kept, every NaN is 0x7fc0 or 0x7e00. What is a sum over the leaves of
// a batch stays binary32, as it may be but a part that meets others.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/core/op.h"

namespace samebits::convert {

// Throws UserError when it names both formats, or another number of bits.
bool IsStored(const Case& c);

// The signature with its float tensors in 16 bits, where the case says so.
Signature Stored(const Case& c, Signature signature);
Signature WithStoredInputs(const Case& c, Signature signature);

// FillFloats for such a tensor: its words mean the same of the format's numbers. The exponents of
// "cancel" are for float16 those from 2^-6 to 2^6, whose sums overflow here and there; NaNs have
// any payload.
void FillStored(const Case& c, int tensor, std::span<std::uint16_t> values);

// What such a tensor holds of a number.
std::uint16_t Rounded(const Case& c, float value);
// The number that it holds then.
float NumberOf(const Case& c, std::uint16_t bits);

// A case as binary32 has it: its inputs widened, room for its outputs. Setting down: inputs in 16
// bits are taken times 2^-down. What is not in 16 bits stays where it is. The memory is scratch
// memory of this thread.
class Widened {
 public:
  // By the conversions of the kernel's name, or else of "portable".
  Widened(const Kernel& kernel, const Case& c, const Buffers& stored, Team& team);

  const Case& case_of() const { return case_; }
  const Buffers& buffers() const { return buffers_; }
  // Into the case's outputs.
  void NarrowOutputs(Team& team) const;

 private:
  const Kernel& kernel_;
  const Case stored_case_, case_;
  const Signature signature_;  // of the stored case
  const Buffers stored_;
  Buffers buffers_;
};

}  // namespace samebits::convert
