// The JSON files of two training runs that are compared.
#include "tools/fuzz/fuzz.h"
#include "tools/samebits/run_files.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace samebits;
  static const fuzz::Directory directory;
  fuzz::Pieces pieces(fuzz::TextOf(data, size));
  for (const char* run : {"a", "b"}) {
    const std::filesystem::path folder(run);
    directory.Write(folder / "digests.jsonl", pieces.Next());
    directory.Write(folder / "history.json", pieces.Next());
  }
  // Ends at the weights, which are not there, so that nothing is printed.
  fuzz::Survives([&] { CompareRuns(directory.path() / "a", directory.path() / "b", true); });
  return 0;
}
