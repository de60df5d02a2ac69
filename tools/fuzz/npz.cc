// NumPy arrays: the bytes as a file of one array, and as an archive.
#include "model/data/npy.h"
#include "model/data/npy_format.h"
#include "tools/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace samebits;
  static const fuzz::Directory directory;
  fuzz::Survives([&] {
    const NpyArray array = ParseNpy("array", std::as_bytes(std::span(data, size)));
    if (ParseNpy("again", SerializeNpy(array)) != array) abort();
  });
  directory.Write("arrays.npz", fuzz::TextOf(data, size));
  fuzz::Survives([&] { ReadNpz(directory.path() / "arrays.npz"); });
  return 0;
}
