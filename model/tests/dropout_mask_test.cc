#include "model/streams/dropout_mask.h"

#include "model/streams/seeds.h"
#include "model/tests/testing.h"

namespace samebits {
namespace {

TEST(DropoutMask, EqualsKeras) {
  const auto arrays = ReadNpz(testing::KerasFile("jax_dropout_seed812.npz"));
  const auto x = NpyValues<float>(FindArray(arrays, "x"));
  const auto draws = LayerSeeds(812, 8);
  constexpr std::size_t kDrawOfLayer[] = {1, 3, 6};
  constexpr double kRate = 0.2;
  const auto scale = static_cast<float>(1.0 / (1.0 - kRate));
  for (std::size_t layer = 0; layer < 3; ++layer) {
    for (std::uint32_t call = 0; call < 3; ++call) {
      const std::string name =
          "drop" + std::to_string(layer) + "_call" + std::to_string(call) + "_y";
      const auto keras = NpyValues<float>(FindArray(arrays, name));
      const ThreefryKey key = {draws[kDrawOfLayer[layer]], call};
      std::vector<std::uint8_t> keep(x.size());
      DropoutMask(key, kRate, keep);
      std::vector<float> y(x.size());
      for (std::uint32_t e = 0; e < x.size(); ++e) {
        EXPECT_EQ(keep[e] != 0, KeepElement(key, e, static_cast<std::uint32_t>(x.size()), kRate));
        y[e] = keep[e] != 0 ? x[e] * scale : 0.0f;
      }
      EXPECT_EQ(testing::DifferingBits(y, keras), 0) << name;

      DropoutMask({key.draw, call + 1}, kRate, keep);
      int moved = 0;
      for (std::size_t e = 0; e < x.size(); ++e) moved += (keep[e] != 0) != (keras[e] != 0.0f);
      EXPECT_GT(moved, 500) << "the mask of the next call must differ from " << name;
    }
  }
}

// The comparison of integers is the comparison of floats, for every one of the 2^23 uniforms.
TEST(KeepBound, IsExact) {
  for (const double rate :
       {0.0, 1e-9, 1e-7, 0.1, 0.2, 0.25, 0.3, 0.5, 0.7, 0.9, 0.999, 0.99999997, 1.0}) {
    const std::uint32_t bound = KeepBound(rate);
    const auto keep_probability = static_cast<float>(1.0 - rate);
    std::uint32_t wrong = 0;
    for (std::uint32_t k = 0; k < 1u << 23; ++k) {
      if ((k < bound) != (UnitUniform(k << 9) < keep_probability)) ++wrong;
    }
    EXPECT_EQ(wrong, 0u) << rate;
  }
  EXPECT_EQ(KeepBound(0.0), 1u << 23);
  EXPECT_EQ(KeepBound(1.0), 0u);
  EXPECT_EQ(KeepBound(0.5), 1u << 22);
}

}  // namespace
}  // namespace samebits
