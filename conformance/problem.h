// A case in memory: its inputs, and room for its outputs.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "conformance/bitstream.h"
#include "kernels/core/op.h"

namespace samebits {

class Problem {
 public:
  // Builds the inputs. Throws UserError when the case is none of the operation's.
  Problem(const Op& op, const std::string& case_id);

  const Case& case_of() const { return case_; }
  const Signature& signature() const { return signature_; }
  const Buffers& buffers() const { return buffers_; }

  // Fills the outputs with a pattern, so that an element left out shows.
  void PoisonOutputs();

  std::string InputDigest() const;
  Bitstream Outputs() const;

 private:
  struct Free {
    void operator()(std::byte* bytes) const;
  };

  Case case_;
  Signature signature_;
  std::vector<std::unique_ptr<std::byte[], Free>> memory_;
  Buffers buffers_;
};

}  // namespace samebits
