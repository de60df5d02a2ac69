// Case ids, and the inputs made from them, which may never move.
#include "kernels/core/case.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>

#include "kernels/core/error.h"
#include "kernels/core/inputs.h"
#include "kernels/core/philox.h"

namespace samebits {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(CaseTest, Parses) {
  const Case c = Case::Parse("n64h15_k3pt2_relu_seed812");
  EXPECT_EQ(c.id(), "n64h15_k3pt2_relu_seed812");
  EXPECT_EQ(c.Get("n"), 64);
  EXPECT_EQ(c.Get("h"), 15);
  EXPECT_EQ(c.Get("k"), 3);
  EXPECT_EQ(c.Get("pt"), 2);
  EXPECT_EQ(c.Get("p", 7), 7);
  EXPECT_EQ(c.Seed(), 812u);
  EXPECT_TRUE(c.Has("relu"));
  EXPECT_FALSE(c.Has("n")) << "a setting is no word";
  EXPECT_FALSE(c.Has("rel"));
  EXPECT_EQ(Case::Parse("relu").Seed(), 0u);
}

TEST(CaseTest, NamesIdAndPlaceOfAnError) {
  const struct {
    const char *id, *what;
  } kFaults[] = {
      {"", "a lower-case letter is missing at character 1"},
      {"64", "a lower-case letter is missing at character 1"},
      {"n64_", "a lower-case letter is missing at character 5"},
      {"n64__k1", "a lower-case letter is missing at character 5"},
      {"n64H3", "a lower-case letter is missing at character 4"},
      {"n64 ", "a lower-case letter is missing at character 4"},
      {"n64h", "a number is missing at character 5"},
      {"relu!", "an unexpected character stands at character 5"},
      {"n1n2", "the same setting stands twice at character 3"},
      {"n1_n1", "the same setting stands twice at character 4"},
      {"n2147483648", "the number is too large at character 2"},
      {"n-1", ""},
  };
  for (const auto& [id, what] : kFaults) {
    try {
      Case::Parse(id);
      ADD_FAILURE() << '\'' << id << "' was parsed";
    } catch (const UserError& error) {
      EXPECT_THAT(error.what(), HasSubstr(what));
      EXPECT_THAT(error.what(), HasSubstr(std::string("case '") + id + "'"));
    }
  }
  EXPECT_THROW(Case::Parse("n1").Get("k"), UserError);
}

// Random123's known answers.
TEST(PhiloxTest, KnownAnswers) {
  EXPECT_THAT(Philox4x32({0, 0}, {0, 0, 0, 0}),
              ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  EXPECT_THAT(Philox4x32({~0u, ~0u}, {~0u, ~0u, ~0u, ~0u}),
              ElementsAre(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
  EXPECT_THAT(
      Philox4x32({0xa4093822, 0x299f31d0}, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}),
      ElementsAre(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
}

std::vector<std::uint32_t> FirstBits(const char* id, int tensor) {
  std::vector<float> values(5);
  FillFloats(Case::Parse(id), tensor, values);
  std::vector<std::uint32_t> bits;
  for (const float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
  return bits;
}

// Goldens rest on these: should one move, so has every golden's input.
TEST(InputsTest, NeverMove) {
  const struct {
    const char* id;
    std::vector<std::uint32_t> bits;
  } kFirst[] = {
      {"seed812", {0x3eb3e7f0, 0xbf7a4332, 0xbf376c6e, 0xbf589e3c, 0xbd1d61e0}},
      {"cancel_seed812", {0x400b3e7f, 0xbea0b799, 0xc1a91272, 0xbc24ec38, 0xc43ec53c}},
      {"subnormal_seed812", {0x0059f3f8, 0xbf7a4332, 0x80489392, 0xbf589e3c, 0xbd1d61e0}},
      {"tiny_seed812", {0x3eb3e7f0, 0x8005bcce, 0xbf376c6e, 0x80000000, 0x00000000}},
      {"zeros_seed812", {0x3eb3e7f0, 0x00000000, 0xbf376c6e, 0x80000000, 0x00000000}},
      {"nonfinite_seed812", {0x3eb3e7f0, 0xbf7a4332, 0xbf376c6e, 0xbf589e3c, 0xbd1d61e0}},
      {"logits_seed812", {0x40e0e1ec, 0xc19c69ff, 0xc165478a, 0xc18762e6, 0xbf44ba58}},
      {"bits_seed812", {0x2cf9fc7c, 0x82de671b, 0xa449c978, 0x93b0e26d, 0xfb14f131}},
  };
  for (const auto& [id, bits] : kFirst) EXPECT_EQ(FirstBits(id, 0), bits) << id;
  EXPECT_EQ(InputWord(812, 0, 0), 0x2cf9fc7cu);
  EXPECT_EQ(InputWord(812, 1, 3), 0x290abaa8u);
  EXPECT_EQ(InputWord(2147483647, 2, 1000000), 0xde8610ddu);
}

TEST(InputsTest, ElementsDoNotDependOnTheSize) {
  std::vector<float> few(5), many(1000);
  FillFloats(Case::Parse("cancel_seed42"), 2, few);
  FillFloats(Case::Parse("cancel_seed42"), 2, many);
  EXPECT_TRUE(std::equal(few.begin(), few.end(), many.begin()));
}

TEST(InputsTest, LabelsAreClasses) {
  std::vector<std::int32_t> labels(5000);
  FillLabels(Case::Parse("seed812"), 1, 10, labels);
  for (std::int32_t label = 0; label < 10; ++label) {
    EXPECT_GT(std::count(labels.begin(), labels.end(), label), 400) << label;
  }
  EXPECT_EQ(labels[4], static_cast<std::int32_t>(InputWord(812, 1, 4) % 10));
}

}  // namespace
}  // namespace samebits
