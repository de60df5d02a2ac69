#include "model/data/npy.h"

#include "kernels/core/digest.h"
#include "model/data/npy_format.h"
#include "model/tests/testing.h"

namespace samebits {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::ReadText;
using testing::UserErrorOf;
using testing::WriteText;

using Npy = testing::TemporaryDirectory;

template <typename T>
NamedArray Named(std::string name, std::vector<std::int64_t> shape, std::vector<T> values) {
  return {std::move(name), MakeNpyArray<T>(std::move(shape), values)};
}

std::vector<NamedArray> SomeArrays() {
  std::vector<NamedArray> arrays = {
      Named<float>("f", {2, 3}, {1, -0.0f, 3, 4, 5, 6}),
      Named<double>("d", {1}, {0.1}),
      Named<std::int32_t>("i", {}, {-7}),
      Named<std::int64_t>("l", {2, 0, 5}, {}),
      Named<std::uint32_t>("u", {2}, {0, 0xFFFFFFFF}),
      Named<std::uint8_t>("b", {3}, {0, 1, 255}),
  };
  arrays.push_back({"flags", {"|b1", {2}, {std::byte{0}, std::byte{1}}}});
  return arrays;
}

// An NPY file with the header text `header` and `size` bytes of data.
std::string Crafted(const std::string& header, std::size_t size) {
  std::string file("\x93NUMPY\x01\x00", 8);
  file += static_cast<char>(header.size() & 0xFF);
  file += static_cast<char>(header.size() >> 8);
  return file + header + std::string(size, 'x');
}

TEST_F(Npy, RoundTrip) {
  for (const NamedArray& array : SomeArrays()) {
    WriteNpy(directory_ / "a.npy", array.array);
    EXPECT_EQ(ReadNpy(directory_ / "a.npy"), array.array) << array.name;
  }
  EXPECT_EQ(NpyValues<std::uint32_t>(SomeArrays()[4].array).at(1), 0xFFFFFFFF);
}

// SHA-256 of the files that numpy.save (2.4.6) writes.
TEST_F(Npy, BytesEqualNumPys) {
  const auto arrays = SomeArrays();
  EXPECT_EQ(Sha256Hex(SerializeNpy(arrays[0].array)),
            "fcfc5bd44ef9ddc1b2e1c29580780a12ec63a7bcfa16648bc6c4c475f478b001");
  EXPECT_EQ(Sha256Hex(SerializeNpy(arrays[2].array)),
            "47a03aafd89284d7eff4889f74cdc45684480d1ecac1db5809422027f3abad96");
  EXPECT_EQ(Sha256Hex(SerializeNpy(arrays[5].array)),
            "076d754b42a42748d0e10479dcde9caf47bc796d9bc8da7811776e4073ebc1e1");
}

TEST_F(Npy, NpzRoundTripKeepsOrderAndIsDeterministic) {
  const auto arrays = SomeArrays();
  WriteNpz(directory_ / "a.npz", arrays);
  WriteNpz(directory_ / "b.npz", arrays);
  EXPECT_EQ(ReadNpz(directory_ / "a.npz"), arrays);
  EXPECT_EQ(ReadText(directory_ / "a.npz"), ReadText(directory_ / "b.npz"));
}

TEST_F(Npy, EveryTruncatedNpzIsRefused) {
  const fs::path path = directory_ / "a.npz";
  WriteNpz(path, SomeArrays());
  const std::string whole = ReadText(path);
  for (std::size_t size = 0; size < whole.size(); size += 1 + size / 50) {
    WriteText(path, whole.substr(0, size));
    EXPECT_THAT(UserErrorOf([&] { ReadNpz(path); }), HasSubstr(path.string())) << size;
  }
}

TEST_F(Npy, AFlippedBitInNpzIsFound) {
  const fs::path path = directory_ / "a.npz";
  WriteNpz(path, SomeArrays());
  std::string bytes = ReadText(path);
  bytes[bytes.find("NUMPY") + 130] ^= 1;  // in the data of the first array
  WriteText(path, bytes);
  EXPECT_THAT(UserErrorOf([&] { ReadNpz(path); }),
              AllOf(HasSubstr("f.npy"), HasSubstr("broken within the NPZ file")));
}

TEST_F(Npy, MalformedFilesAreRefused) {
  const fs::path path = directory_ / "a.npy";
  const auto expect = [&](const std::string& bytes, const std::string& cause) {
    WriteText(path, bytes);
    EXPECT_THAT(UserErrorOf([&] { ReadNpy(path); }),
                AllOf(HasSubstr(path.string()), HasSubstr(cause)));
  };
  const std::string order = "'fortran_order': False, ";
  const std::string good = "{'descr': '<f4', " + order + "'shape': (2,), }\n";
  WriteText(path, Crafted(good, 8));
  EXPECT_EQ(ReadNpy(path).shape, std::vector<std::int64_t>{2});

  expect("", "is not in NumPy's NPY format");
  expect("\x93NUMPY\x02", "is not in NumPy's NPY format");
  expect(std::string("\x93NUMPY\x01\x00", 8), "cut short within its header");
  expect(Crafted(good, 8).substr(0, 30), "cut short within its header");
  expect(Crafted(good, 7), "holds 7 bytes of data");
  expect(Crafted(good, 9), "holds 9 bytes of data");
  expect(Crafted("{'descr': '<f2', " + order + "'shape': (2,), }", 4), "type <f2");
  expect(Crafted("{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }", 8), "Fortran");
  expect(Crafted("{'descr': '<f4', " + order + "'shape': (-2,), }", 8), "cannot be understood");
  expect(Crafted("{'descr': '<f4', " + order + "'shape': (2x), }", 8), "cannot be understood");
  expect(Crafted("{'descr': '<f4', " + order + "'shape': (99999999999999999999,), }", 8),
         "cannot be understood");
  // 2^62 x 4 elements of 4 bytes: a product that would wrap around to 0.
  expect(Crafted("{'descr': '<f4', " + order + "'shape': (4611686018427387904, 4), }", 0),
         "holds 0 bytes of data");
}

TEST_F(Npy, NamesWhatIsMissing) {
  const auto arrays = SomeArrays();
  EXPECT_THAT(UserErrorOf([&] { FindArray(arrays, "w"); }), HasSubstr("f d i l u b flags"));
  EXPECT_THAT(UserErrorOf([&] { NpyValues<double>(arrays[0].array); }), HasSubstr("<f4, not <f8"));
  EXPECT_THAT(UserErrorOf([&] { ReadNpz(directory_ / "none.npz"); }), HasSubstr("No such file"));
}

}  // namespace
}  // namespace samebits
