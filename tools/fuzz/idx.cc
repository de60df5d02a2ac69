// A data set: four IDX files, plain or gzip.
#include "model/data/idx.h"
#include "tools/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace samebits;
  static const fuzz::Directory directory;
  fuzz::Pieces pieces(fuzz::TextOf(data, size));
  for (const char* name : {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                           "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}) {
    directory.Write(name, pieces.Next());
  }
  fuzz::Survives([&] {
    const Dataset set = LoadDataset(directory.path());
    for (const ImageSet* part : {&set.train, &set.test}) {
      const auto pixels =
          static_cast<std::size_t>(part->height) * static_cast<std::size_t>(part->width);
      const auto count = static_cast<std::size_t>(part->count);
      if (part->images.size() != count * pixels || part->labels.size() != count) abort();
    }
  });
  return 0;
}
