#include "model/streams/seeds.h"

#include <nlohmann/json.hpp>

#include "model/tests/testing.h"

namespace samebits {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::LayerSeeds;

nlohmann::json Answers(const char* key) {
  return nlohmann::json::parse(std::ifstream(testing::KerasFile("tf_answers.json"))).at(key);
}

// The draws that the layers of a Keras model hold after set_random_seed(812).
TEST(RandomSources, LayerSeedsEqualKeras) {
  EXPECT_THAT(LayerSeeds(812, 10),
              ElementsAre(33636388, 426286787, 658918269, 975629005, 767654312, 316953255,
                          377723268, 692610641, 876576848, 819997873));
}

TEST(RandomSources, EqualKerasAndNumpyAfterSetRandomSeed) {
  const auto answers = Answers("seeds");
  EXPECT_EQ(answers.size(), 5u);
  for (const auto& answer : answers) {
    const auto seed = answer["seed"].get<std::uint32_t>();
    EXPECT_EQ(LayerSeeds(seed, 3), answer["layers"].get<std::vector<std::uint32_t>>()) << seed;
    RandomSources sources(GlobalSeeds::All(seed));
    std::vector<double> numpy(700);
    for (double& value : numpy) value = sources.NextNumpy();
    EXPECT_EQ((std::vector{numpy[0], numpy[1], numpy[2], numpy[699]}),
              answer["numpy"].get<std::vector<double>>())
        << seed;
    EXPECT_NE(MersenneTwister::OfPython(seed).NextUniform(), numpy[0])
        << "Python's seeding must not pass for NumPy's";
  }
}

TEST(RandomSources, ShufflesEqualTensorFlow) {
  EXPECT_EQ(RandomSources(GlobalSeeds::All(812)).NextShuffle().seed, 812u);
  EXPECT_EQ(RandomSources(GlobalSeeds::All(812)).NextShuffle().seed2, 134545550u);
  EXPECT_EQ(RandomSources(GlobalSeeds::All(42)).NextShuffle().seed2, 478163327u);
  const RandomSources zeros(GlobalSeeds::All(0x7FFFFFFF));
  EXPECT_EQ(zeros.ShuffleWithSeed(0).seed, 0u);
  EXPECT_EQ(zeros.ShuffleWithSeed(0).seed2, 0x7FFFFFFFu);
}

// Objects without a seed differ within a run, and repeat after the same global seed.
TEST(RandomSources, UnseededDifferAndRepeat) {
  RandomSources first(GlobalSeeds::All(42)), again(GlobalSeeds::All(42));
  const std::uint32_t a = first.NextLayerSeed(), b = first.NextLayerSeed();
  EXPECT_NE(a, b);
  EXPECT_EQ(again.NextLayerSeed(), a);
  EXPECT_EQ(again.NextLayerSeed(), b);
  EXPECT_NE(first.NextShuffle().seed2, first.NextShuffle().seed2);
  EXPECT_EQ(first.ShuffleWithSeed(7).seed2, again.ShuffleWithSeed(7).seed2);
}

// A seed changes its own source alone.
TEST(RandomSources, AreIndependent) {
  const auto draws = [](const GlobalSeeds& seeds) {
    RandomSources sources(seeds);
    return std::tuple(sources.NextLayerSeed(), sources.NextNumpy(), sources.NextShuffle().seed2);
  };
  const auto [python, numpy, backend] = draws({42, 42, 42});
  const auto [other_python, other_numpy, other_backend] = draws({812, 812, 812});
  EXPECT_EQ(draws({812, 42, 42}), std::tuple(other_python, numpy, backend));
  EXPECT_EQ(draws({42, 812, 42}), std::tuple(python, other_numpy, backend));
  EXPECT_EQ(draws({42, 42, 812}), std::tuple(python, numpy, other_backend));
}

TEST(RandomSources, RefuseWhatKerasRefuses) {
  EXPECT_EQ(LayerSeeds(0xFFFFFFFF, 1).at(0), 682209859);
  for (const std::int64_t bad : {std::int64_t{-1}, std::int64_t{0x100000000}}) {
    for (const GlobalSeeds& seeds : {GlobalSeeds{bad, 0, 0}, {0, bad, 0}, {0, 0, bad}}) {
      EXPECT_THAT(testing::UserErrorOf([&] { RandomSources{seeds}; }),
                  HasSubstr("give one from 0 to 4294967295"));
    }
  }
}

}  // namespace
}  // namespace samebits
