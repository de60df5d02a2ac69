#include "model/data/idx.h"

#include <zlib.h>

#include "kernels/core/digest.h"
#include "model/tests/testing.h"

namespace samebits {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::UserErrorOf;
using testing::WriteText;

std::string BigEndian(std::uint32_t value) {
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(value >> shift);
  return bytes;
}

std::string Images(std::uint32_t count, std::uint32_t height, std::uint32_t width,
                   const std::string& pixels) {
  return BigEndian(0x803) + BigEndian(count) + BigEndian(height) + BigEndian(width) + pixels;
}

std::string Labels(std::uint32_t count, const std::string& labels) {
  return BigEndian(0x801) + BigEndian(count) + labels;
}

std::string Gzip(const std::string& bytes) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

// A good data set of three and two images of 2x2, of which a test spoils one file.
class Idx : public testing::TemporaryDirectory {
 protected:
  Idx() {
    WriteText(directory_ / kImages, good_images_);
    WriteText(directory_ / kLabels, good_labels_);
    WriteText(directory_ / "t10k-images-idx3-ubyte", Images(2, 2, 2, "ABCDEFGH"));
    WriteText(directory_ / "t10k-labels-idx1-ubyte", Labels(2, "\x01\x02"));
  }

  // Loading must fail with one line that names the spoilt file and the cause.
  void ExpectRefused(const std::string& file, const std::string& bytes, const std::string& cause) {
    const std::string before = testing::ReadText(directory_ / file);
    WriteText(directory_ / file, bytes);
    ExpectError((directory_ / file).string(), cause);
    WriteText(directory_ / file, before);
  }

  void ExpectError(const std::string& file, const std::string& cause) {
    const std::string message = UserErrorOf([&] { LoadDataset(directory_); });
    EXPECT_THAT(message, AllOf(HasSubstr(file), HasSubstr(cause), HasSubstr("; ")));
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }

  static constexpr const char* kImages = "train-images-idx3-ubyte";
  static constexpr const char* kLabels = "train-labels-idx1-ubyte";
  const std::string good_images_ = Images(3, 2, 2, "abcdefghijkl");
  const std::string good_labels_ = Labels(3, std::string("\x00\x09\x05", 3));
};

TEST_F(Idx, ReadsPlainAndGzipAlike) {
  const Dataset plain = LoadDataset(directory_);
  EXPECT_EQ(plain.train.count, 3);
  EXPECT_EQ(plain.train.height, 2);
  EXPECT_EQ(plain.train.width, 2);
  EXPECT_EQ(std::string(plain.train.images.begin(), plain.train.images.end()), "abcdefghijkl");
  EXPECT_THAT(plain.train.labels, ::testing::ElementsAre(0, 9, 5));
  EXPECT_EQ(plain.test.count, 2);
  EXPECT_EQ(plain.train.image_sha256, Sha256Hex(std::as_bytes(std::span(good_images_))));
  EXPECT_EQ(plain.train.label_sha256, Sha256Hex(std::as_bytes(std::span(good_labels_))));

  // Compressed, once under the plain name and once under .gz, in two members.
  WriteText(directory_ / kImages, Gzip(good_images_));
  fs::remove(directory_ / kLabels);
  WriteText(directory_ / (kLabels + std::string(".gz")),
            Gzip(good_labels_.substr(0, 9)) + Gzip(good_labels_.substr(9)));
  const Dataset packed = LoadDataset(directory_);
  EXPECT_EQ(packed.train.images, plain.train.images);
  EXPECT_EQ(packed.train.image_sha256, plain.train.image_sha256);
  EXPECT_EQ(packed.train.label_sha256, plain.train.label_sha256);
}

TEST_F(Idx, RefusesMalformedFiles) {
  ExpectRefused(kImages, "", "is empty");
  ExpectRefused(kImages, good_images_.substr(0, 3), "cut short within its header");
  ExpectRefused(kImages, good_images_.substr(0, 15), "cut short within its header");
  ExpectRefused(kImages, good_images_.substr(0, 27), "promises 12 bytes of data, it has room for");
  ExpectRefused(kImages, good_images_ + "x", "has bytes behind the 12");
  ExpectRefused(kImages, good_labels_, "its magic number is 0x00000801, not 0x00000803");
  ExpectRefused(kLabels, good_images_, "its magic number is 0x00000803, not 0x00000801");
  ExpectRefused(kImages, Images(0, 2, 2, ""), "a size in its header is 0");
  ExpectRefused(kImages, Images(3, 0, 2, ""), "a size in its header is 0");
  ExpectRefused(kLabels, Labels(3, std::string("\x00\x0a\x05", 3)), "label 1 is 10, above 9");
  ExpectRefused(kLabels, Labels(2, std::string(2, '\0')), "holds 2 labels");
}

TEST_F(Idx, RefusesPartsThatDoNotBelongTogether) {
  WriteText(directory_ / "t10k-images-idx3-ubyte", Images(2, 1, 2, "ABCD"));
  ExpectError(directory_.string(), "training images are 2x2, its test images 1x2");
}

TEST_F(Idx, RefusesSizesThatNoMemoryHolds) {
  constexpr std::uint32_t kHuge = 0xFFFFFFFF;
  ExpectRefused(kImages, Images(kHuge, 28, 28, "x"), "4294967295 x 28 x 28 bytes, more than");
  ExpectRefused(kImages, Images(kHuge, kHuge, kHuge, "x"), "more than the 2 GiB");
  // 2^32 * 2^32 wraps around to 0 in 64 bits; so would these.
  ExpectRefused(kImages, Images(1u << 31, 1u << 31, 4, ""), "more than the 2 GiB");
  // Within the limit, yet more than the file can hold, plain or expanded.
  ExpectRefused(kImages, Images(2000000000, 1, 1, "x"), "has room for at most 1");
  ExpectRefused(kImages, Gzip(Images(2000000000, 1, 1, "x")), "has room for at most");
}

TEST_F(Idx, RefusesBrokenGzip) {
  const std::string packed = Gzip(good_images_);
  std::string bad_sum = packed;
  bad_sum[packed.size() - 8] ^= 1;
  std::string bad_length = packed;
  bad_length[packed.size() - 1] ^= 1;
  std::string bad_block = packed;
  bad_block[10] = '\x07';
  ExpectRefused(kImages, bad_sum, "broken: incorrect data check");
  ExpectRefused(kImages, bad_length, "broken: incorrect length check");
  ExpectRefused(kImages, bad_block, "broken: invalid block type");
  for (std::size_t size = 2; size < packed.size(); ++size) {
    ExpectRefused(kImages, packed.substr(0, size), "broken: cut short");
  }
  for (const char* garbage : {"x", "xy", "garbage behind", "\x1f"}) {
    ExpectRefused(kImages, packed + garbage, "bytes behind the end of the gzip data");
  }
  ExpectRefused(kImages, packed + packed.substr(0, 8), "broken: cut short");
  ExpectRefused(kImages, Gzip(good_images_.substr(0, 20)), "it holds 4");
  // A gzip bomb is inflated to one byte more than its header promises.
  ExpectRefused(kImages, Gzip(good_images_ + std::string(100'000'000, '\0')),
                "bytes behind the 12");
}

TEST_F(Idx, RefusesWhatCannotBeOpened) {
  const fs::path images = directory_ / kImages;
  fs::remove(images);
  ExpectError(directory_.string(),
              "holds neither train-images-idx3-ubyte nor train-images-idx3-ubyte.gz");
  fs::create_directory(images);
  ExpectError(images.string(), "is not a regular file");
  fs::remove(images);
  fs::create_symlink(images, images);  // unreadable even for root
  ExpectError(images.string(), "cannot be read: Too many levels of symbolic links");

  EXPECT_THAT(UserErrorOf([&] { LoadDataset(directory_ / "none"); }), HasSubstr("does not exist"));
  EXPECT_THAT(UserErrorOf([&] { LoadDataset(directory_ / kLabels); }),
              HasSubstr("is not a directory"));
}

}  // namespace
}  // namespace samebits
