// Golden files.
#include "conformance/golden.h"
#include "kernels/core/registry.h"
#include "tools/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace samebits;
  static const fuzz::Directory directory;
  const Op& op = *FindOp("exp_v1");
  directory.Write(GoldenFile::PathOf("", op), fuzz::TextOf(data, size));
  fuzz::Survives([&] {
    const GoldenFile file = GoldenFile::Read(directory.path(), op);
    for (const auto& [case_id, golden] : file.lines()) {
      if (file.Find(case_id) == nullptr) abort();
    }
  });
  return 0;
}
