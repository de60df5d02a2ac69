// Bitstreams, their digests, and the place where two of them part.
#include "conformance/bitstream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>

namespace samebits {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

Bitstream StreamOf(const std::vector<std::uint32_t>& words) {
  const Tensor tensor{"y", DType::kFloat32, {static_cast<std::int64_t>(words.size())}};
  const void* const data[] = {words.data()};
  return BitstreamOf({&tensor, 1}, data);
}

std::vector<int> Bytes(const Bitstream& stream) {
  std::vector<int> bytes;
  for (const std::byte byte : stream) bytes.push_back(std::to_integer<int>(byte));
  return bytes;
}

TEST(BitstreamTest, LittleEndianAndMinusZero) {
  EXPECT_THAT(Bytes(StreamOf({0x3f800001, 0x80000000})),
              ElementsAre(0x01, 0x00, 0x80, 0x3f, 0x00, 0x00, 0x00, 0x80));
  EXPECT_NE(StreamOf({0x80000000}), StreamOf({0}));
}

TEST(BitstreamTest, EveryNanIsOne) {
  for (const std::uint32_t nan : {0x7f800001u, 0x7fffffffu, 0xff800001u, 0xffc00000u}) {
    EXPECT_EQ(StreamOf({nan}), StreamOf({0x7fc00000}));
  }
  EXPECT_NE(StreamOf({0x7f800000}), StreamOf({0x7fc00000})) << "infinity is no NaN";
  EXPECT_NE(StreamOf({0xff800000}), StreamOf({0x7f800000}));
}

TEST(BitstreamTest, TensorsOfEveryTypeInOrder) {
  const Tensor tensors[] = {
      {"a", DType::kUint8, {2}}, {"b", DType::kInt32, {1}}, {"c", DType::kInt64, {1}}};
  const std::uint8_t a[] = {1, 2};
  const std::uint32_t b = 0xffc00001;  // an integer, not a NaN
  const std::uint64_t c = 0x0807060504030201;
  const void* const data[] = {a, &b, &c};
  EXPECT_THAT(Bytes(BitstreamOf(tensors, data)),
              ElementsAre(1, 2, 0x01, 0x00, 0xc0, 0xff, 1, 2, 3, 4, 5, 6, 7, 8));
}

TEST(DigestTest, AtMostSixteenBlocks) {
  for (std::size_t n = 0; n < 100; ++n) {
    const Digest digest = DigestOf(StreamOf(std::vector<std::uint32_t>(n)));
    EXPECT_THAT(digest.blocks, SizeIs(testing::Le(16u))) << n;
    EXPECT_EQ(digest.blocks.empty(), n == 0);
  }
  EXPECT_THAT(DigestOf(StreamOf(std::vector<std::uint32_t>(16))).blocks, SizeIs(16));
}

// Any bytes, not only whole words: three outputs of one byte are a block too.
TEST(DigestTest, BytesThatAreNoWholeWord) {
  for (const std::size_t size : {1, 3, 5, 67}) {
    const Digest digest = DigestOf(Bitstream(size));
    EXPECT_THAT(digest.blocks, SizeIs(testing::AllOf(testing::Ge(1u), testing::Le(16u)))) << size;
  }
}

TEST(DigestTest, ABlockTellsThePlace) {
  std::vector<std::uint32_t> words(64);
  const Digest before = DigestOf(StreamOf(words));
  words[63] = 1;
  const Digest after = DigestOf(StreamOf(words));
  EXPECT_NE(before.whole, after.whole);
  for (std::size_t i = 0; i < 15; ++i) EXPECT_EQ(before.blocks[i], after.blocks[i]);
  EXPECT_NE(before.blocks[15], after.blocks[15]);
}

TEST(DigestTest, KnownAnswer) {
  EXPECT_EQ(DigestOf({}).whole, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

std::optional<Divergence> Compare(std::vector<std::int64_t> shape,
                                  const std::vector<std::uint32_t>& got,
                                  const std::vector<std::uint32_t>& want) {
  const Tensor tensor{"y", DType::kFloat32, std::move(shape)};
  return FirstDivergence({&tensor, 1}, StreamOf(got), StreamOf(want));
}

TEST(DivergenceTest, NamesTheElement) {
  std::vector<std::uint32_t> got(24), want(24);
  EXPECT_FALSE(Compare({2, 3, 4}, got, want));
  got[17] = 0x3f800000;
  got[20] = 1;
  const auto divergence = Compare({2, 3, 4}, got, want);
  ASSERT_TRUE(divergence);
  EXPECT_EQ(divergence->element, "y[1,1,1]");
  EXPECT_EQ(divergence->got, "3f800000 (1)");
  EXPECT_EQ(divergence->want, "00000000 (0)");
  EXPECT_EQ(divergence->differing, 2);
  EXPECT_EQ(divergence->elements, 24);
  EXPECT_EQ(Describe(*divergence),
            "2 of 24 elements differ, first y[1,1,1]: got 3f800000 (1), want 00000000 (0), "
            "1065353216 ULP apart");
}

TEST(DivergenceTest, NamesTheTensor) {
  const Tensor tensors[] = {{"loss", DType::kFloat32, {1}}, {"y", DType::kInt32, {2}}};
  const float loss = 0.5f;
  const std::int32_t got[] = {7, 8}, want[] = {7, 9};
  const void* const got_data[] = {&loss, got};
  const void* const want_data[] = {&loss, want};
  const auto divergence =
      FirstDivergence(tensors, BitstreamOf(tensors, got_data), BitstreamOf(tensors, want_data));
  ASSERT_TRUE(divergence);
  EXPECT_EQ(divergence->element, "y[1]");
  EXPECT_FALSE(divergence->has_ulps);
}

TEST(DivergenceTest, UlpsAcrossZero) {
  const auto ulps = [](std::uint32_t got, std::uint32_t want) {
    return Compare({1}, {got}, {want})->ulps;
  };
  EXPECT_EQ(ulps(0x3f800001, 0x3f800000), 1u);
  EXPECT_EQ(ulps(0x80000001, 0x00000001), 2u);
  EXPECT_EQ(ulps(0x80000000, 0x00000000), 0u);
  EXPECT_EQ(ulps(0xff800000, 0x7f800000), 2u * 0x7f800000u);
  EXPECT_FALSE(Compare({1}, {0x7fc00000}, {0})->has_ulps) << "a NaN is at no distance";
}

}  // namespace
}  // namespace samebits
