#include "model/streams/seeds.h"

#include "model/tests/testing.h"

namespace samebits {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The draws that the layers of a Keras model hold after set_random_seed(812).
TEST(LayerSeeds, EqualsKeras) {
  EXPECT_THAT(LayerSeeds(812, 10),
              ElementsAre(33636388, 426286787, 658918269, 975629005, 767654312, 316953255,
                          377723268, 692610641, 876576848, 819997873));
  EXPECT_THAT(LayerSeeds(0, 3), ElementsAre(906691060, 413654000, 813847340));
}

TEST(LayerSeeds, RefusesWhatKerasRefuses) {
  EXPECT_EQ(LayerSeeds(0xFFFFFFFF, 1).at(0), 682209859);
  for (const std::int64_t seed : {std::int64_t{-1}, std::int64_t{0x100000000}}) {
    EXPECT_THAT(testing::UserErrorOf([&] { LayerSeeds(seed, 1); }),
                HasSubstr("give one from 0 to 4294967295"));
  }
}

}  // namespace
}  // namespace samebits
