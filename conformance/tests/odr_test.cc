// A function compiled in two files with different flags is one symbol to the linker, which keeps
// either: the baseline kernels could then run AVX2 code, on a processor without it or with other
// bits. So an object built for an ISA may offer weak symbols only under names of its own: in the
// namespace of the ISA, or a template over something in it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace samebits {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The symbols of an nm listing, "ADDRESS TYPE NAME", that the linker may take for another file's.
std::vector<std::string> Shared(const std::string& listing, const std::string& isa) {
  const std::string own = fmt::format("{}{}", isa.size(), isa);  // as a mangled name has it
  std::vector<std::string> shared;
  std::istringstream lines(listing);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string address, type, name;
    fields >> address >> type >> name;
    const bool weak = type == "W" || type == "V" || type == "u";
    // The pointer to the handler of exceptions: data, the same in every file.
    if (weak && name.find(own) == name.npos && name != "DW.ref.__gxx_personality_v0") {
      shared.push_back(name);
    }
  }
  return shared;
}

std::string Listing(const std::string& object) {
  const std::string command = fmt::format("nm --defined-only '{}'", object);
  FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot start " + command);
  std::string text;
  char piece[512];
  while (std::fgets(piece, sizeof piece, pipe) != nullptr) text += piece;
  if (::pclose(pipe) != 0) throw std::runtime_error(command + " failed");
  return text;
}

void ExpectNothingShared(const std::string& list, const std::string& isa) {
  std::istringstream objects(list);
  int count = 0;
  for (std::string object; std::getline(objects, object, ','); ++count) {
    const std::string listing = Listing(object);
    EXPECT_THAT(listing, testing::HasSubstr(isa)) << object << " is not built for " << isa;
    EXPECT_THAT(Shared(listing, isa), IsEmpty())
        << object << ": make it always_inline, or put it into the ISA's namespace";
  }
  EXPECT_GT(count, 0);
}

TEST(OdrTest, ObjectsOfAnIsaShareNoCode) {
  ExpectNothingShared(SAMEBITS_AVX2_OBJECTS, "avx2");
  ExpectNothingShared(SAMEBITS_AVX512_OBJECTS, "avx512");
}

#if defined(SAMEBITS_EMULATED_OBJECTS)
TEST(OdrTest, EmulatedObjectsShareNoCode) {
  ExpectNothingShared(SAMEBITS_EMULATED_OBJECTS, "cuda_emulated");
}
#endif

// Eigen is a library of templates: its file is built for AVX2 and may be the only one to hold them.
TEST(OdrTest, EigenSharesNothingElse) {
  if (std::string_view(SAMEBITS_EIGEN_OBJECT).empty()) GTEST_SKIP() << "built without Eigen";
  EXPECT_THAT(Shared(Listing(SAMEBITS_EIGEN_OBJECT), "Eigen"), IsEmpty());
}

TEST(OdrTest, SharedCodeIsFound) {
  EXPECT_THAT(Shared("0000000000000000 T _ZN8samebits4avx23RunEv\n"
                     "0000000000000000 W _ZN8samebits4Team3RunIZNS_4avx23RunEvEUlvE_EEvv\n"
                     "0000000000000000 V DW.ref.__gxx_personality_v0\n"
                     "0000000000000000 W _ZNK8samebits7Buffers2inIfEEPKT_i\n"
                     "0000000000000000 u _ZN8samebits5tableE\n"
                     "0000000000000000 t _ZN8samebits5localEv\n",
                     "avx2"),
              ElementsAre("_ZNK8samebits7Buffers2inIfEEPKT_i", "_ZN8samebits5tableE"));
}

}  // namespace
}  // namespace samebits
