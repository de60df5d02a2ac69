// Case ids, and with them the signatures of all operations; cell ids.
#include "conformance/plan.h"
#include "kernels/core/registry.h"
#include "tools/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace samebits;
  const std::string text(fuzz::TextOf(data, size));
  fuzz::Survives([&] { ParseCell(text); });
  fuzz::Survives([&] {
    const Case c = Case::Parse(text);
    for (const Op* op : AllOps()) {
      fuzz::Survives([&] {
        const Signature signature = op->signature(c);
        for (const Tensor& tensor : signature.inputs) {
          if (tensor.Elements() < 1) abort();
        }
      });
    }
  });
  return 0;
}
