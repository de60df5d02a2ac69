#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "kernels/math/exp.h"
#include "kernels/math/log.h"
#include "kernels/math/oracle.h"
#include "kernels/math/power.h"
#include "kernels/math/tanh.h"

namespace samebits {

// googletest shows a parameter by this, which else would print its pointers into the test's name.
void PrintTo(const UnaryFunction& function, std::ostream* out) { *out << function.name; }

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::uint32_t kNaN = 0x7fc00000;

std::uint32_t Bits(float x) { return std::bit_cast<std::uint32_t>(x); }
float FromBits(std::uint32_t bits) { return std::bit_cast<float>(bits); }

// Steele, Lea, Flood 2014: random bits that are the same with every standard library.
class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

struct HardCase {
  float input;
  std::uint32_t result;
};

// golden/math/<name>.txt: lines "input result" in hexadecimal, # begins a comment.
std::vector<HardCase> HardCases(std::string_view name) {
  std::ifstream file(fmt::format("{}/math/{}.txt", SAMEBITS_GOLDEN_DIR, name));
  EXPECT_TRUE(file.is_open()) << "no golden for " << name;
  std::vector<HardCase> cases;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line.substr(0, line.find('#')));
    std::uint32_t input, result;
    if (fields >> std::hex >> input >> result) cases.push_back({FromBits(input), result});
  }
  return cases;
}

int Misrounded(std::string_view name, auto&& function) {
  int count = 0;
  for (const HardCase& hard : HardCases(name)) count += Bits(function(hard.input)) != hard.result;
  return count;
}

class UnaryTest : public testing::TestWithParam<UnaryFunction> {};

TEST_P(UnaryTest, RightOnHardCases) {
  const UnaryFunction& function = GetParam();
  const std::vector<HardCase> cases = HardCases(function.name);
  ASSERT_FALSE(cases.empty());
  Oracle oracle;
  for (const HardCase& hard : cases) {
    EXPECT_EQ(Bits(function.computed(hard.input)), hard.result)
        << fmt::format("{:08x}", Bits(hard.input));
    EXPECT_EQ(Bits(oracle.Round(function, hard.input)), hard.result)
        << fmt::format("{:08x}", Bits(hard.input));
  }
}

// All of them by MPFR itself, which tests the shortcut that prove takes as well.
TEST_P(UnaryTest, RightOnRandomBits) {
  const UnaryFunction& function = GetParam();
  Oracle oracle;
  SplitMix64 random(812);
  for (int i = 0; i < 1'000'000; ++i) {
    const float x = FromBits(static_cast<std::uint32_t>(random.Next()));
    const std::uint32_t exact = Bits(oracle.Round(function, x));
    ASSERT_EQ(Bits(function.computed(x)), exact) << fmt::format("{:08x}", Bits(x));
    const std::optional<float> settled = Settle(function.binary64(x));
    if (settled) {
      ASSERT_EQ(Bits(*settled), exact) << fmt::format("{:08x}", Bits(x));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Math, UnaryTest, testing::ValuesIn(UnaryFunctions()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(ExpTest, SpecialValues) {
  EXPECT_EQ(Bits(Exp(kInfinity)), Bits(kInfinity));
  EXPECT_EQ(Bits(Exp(-kInfinity)), Bits(0.0f));
  EXPECT_EQ(Bits(Exp(FromBits(0xffc00001))), kNaN);
  EXPECT_EQ(Bits(Exp(FromBits(0x7f800001))), kNaN);
  EXPECT_EQ(Exp(0.0f), 1.0f);
  EXPECT_EQ(Exp(-0.0f), 1.0f);
  EXPECT_EQ(Exp(FromBits(0x42b17217)), FromBits(0x7f7fff84));  // the last finite result
  EXPECT_EQ(Exp(FromBits(0x42b17218)), kInfinity);
  EXPECT_EQ(Bits(Exp(FromBits(0xc2cff1b4))), 1u);  // the last one above zero
  EXPECT_EQ(Bits(Exp(FromBits(0xc2cff1b5))), 0u);
}

TEST(LogTest, SpecialValues) {
  EXPECT_EQ(Log(0.0f), -kInfinity);
  EXPECT_EQ(Log(-0.0f), -kInfinity);
  EXPECT_EQ(Log(kInfinity), kInfinity);
  EXPECT_EQ(Bits(Log(-kInfinity)), kNaN);
  EXPECT_EQ(Bits(Log(-1.0f)), kNaN);
  EXPECT_EQ(Bits(Log(FromBits(0x80000001))), kNaN);
  EXPECT_EQ(Bits(Log(FromBits(0xffc00001))), kNaN);
  EXPECT_EQ(Bits(Log(FromBits(0x7f800001))), kNaN);
  EXPECT_EQ(Bits(Log(1.0f)), 0u);
}

TEST(TanhTest, SpecialValues) {
  EXPECT_EQ(Tanh(kInfinity), 1.0f);
  EXPECT_EQ(Tanh(-kInfinity), -1.0f);
  EXPECT_EQ(Bits(Tanh(FromBits(0xffc00001))), kNaN);
  EXPECT_EQ(Bits(Tanh(FromBits(0x7f800001))), kNaN);
  EXPECT_EQ(Bits(Tanh(0.0f)), 0u);
  EXPECT_EQ(Bits(Tanh(-0.0f)), 0x80000000u);
  EXPECT_EQ(Bits(Tanh(FromBits(0x80000001))), 0x80000001u);
  EXPECT_EQ(Tanh(FromBits(0x41102cb4)), 1.0f);  // 9.010914: the first that gives 1
  EXPECT_EQ(Tanh(FromBits(0x41102cb3)), FromBits(0x3f7fffff));
}

TEST(PowerTest, RightForSmallAndSampledExponents) {
  Oracle oracle;
  SplitMix64 random(812);
  for (const float beta : {0.9f, 0.999f}) {
    for (int t = 0; t <= 4096; ++t) {
      EXPECT_EQ(Bits(PowerOfBeta(beta, t)), Bits(oracle.Power(beta, t))) << beta << "^" << t;
    }
    for (int i = 0; i < 10'000; ++i) {
      const std::uint64_t t = random.Next() % (1 << 18);
      EXPECT_EQ(Bits(PowerOfBeta(beta, t)), Bits(oracle.Power(beta, t))) << beta << "^" << t;
    }
  }
}

TEST(PowerTest, SpecialValues) {
  EXPECT_EQ(PowerOfBeta(0.0f, 0), 1.0f);
  EXPECT_EQ(PowerOfBeta(0.0f, 7), 0.0f);
  EXPECT_EQ(PowerOfBeta(0.5f, 149), std::numeric_limits<float>::denorm_min());
  EXPECT_EQ(Bits(PowerOfBeta(0.5f, 150)), 0u);  // a tie, to even
  EXPECT_EQ(Bits(PowerOfBeta(0.999f, 1 << 24)), 0u);
}

// Functions broken on purpose: the hard cases must notice.

TEST(NegativeControl, ExpOffByFourUlp) {
  for (const double factor : {1 - 0x1p-50, 1 + 0x1p-50}) {
    const auto sloppy = [factor](float x) {
      return static_cast<float>(std::exp(static_cast<double>(x)) * factor);
    };
    EXPECT_GT(Misrounded("exp", sloppy), 0);
  }
}

TEST(NegativeControl, LogRoundedTwice) {
  const auto twice = [](float x) { return static_cast<float>(std::log(static_cast<double>(x))); };
  EXPECT_GT(Misrounded("log", twice), 0);
}

TEST(NegativeControl, TanhOffBySixteenUlp) {
  for (const double factor : {1 - 0x1p-48, 1 + 0x1p-48}) {
    const auto sloppy = [factor](float x) {
      return static_cast<float>(std::tanh(static_cast<double>(x)) * factor);
    };
    EXPECT_GT(Misrounded("tanh", sloppy), 0);
  }
}

// One rounding per factor, as a running product in a training loop would do.
TEST(NegativeControl, PowerAsRunningProduct) {
  Oracle oracle;
  int misrounded = 0;
  float product = 1;
  for (int t = 1; t <= 4096; ++t) {
    product *= 0.999f;
    misrounded += Bits(product) != Bits(oracle.Power(0.999f, t));
  }
  EXPECT_GT(misrounded, 0);
}

}  // namespace
}  // namespace samebits
