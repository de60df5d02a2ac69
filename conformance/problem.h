// A case in memory: its inputs, and room for its outputs.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/bitstream.h"
#include "kernels/core/op.h"

namespace samebits {

// Of all tensors.
std::int64_t BytesOf(const Signature& signature);

class Problem {
 public:
  // Builds the inputs; every tensor starts `offset` elements after a multiple of 64 bytes. Throws
  // UserError when the case is none of the operation's.
  Problem(const Op& op, const std::string& case_id, int offset = 0);

  const Case& case_of() const { return case_; }
  const Signature& signature() const { return signature_; }
  const Buffers& buffers() const { return buffers_; }

  // Fills the outputs with a pattern, so that an element left out shows.
  void PoisonOutputs();

  // A tensor whose guard bytes, before and behind it, are no longer as they were; empty: none.
  std::string_view WrittenOutside() const;

  std::string InputDigest() const;
  Bitstream Outputs() const;

 private:
  struct Free {
    void operator()(std::byte* bytes) const;
  };
  // A tensor between its guards.
  struct Block {
    std::string_view name;
    std::unique_ptr<std::byte[], Free> bytes;
    std::span<std::byte> front, back;
  };

  std::byte* Allocate(const Tensor& tensor, int offset);

  Case case_;
  Signature signature_;
  std::vector<Block> memory_;
  Buffers buffers_;
};

}  // namespace samebits
