#include "model/data/samples.h"

#include <bit>
#include <numeric>

#include "model/tests/testing.h"

namespace samebits {
namespace {

constexpr int kCount = 23;

Table<float, float> MakeTable() {
  Table<float, float> table{.features = 2, .outputs = 1, .x = {}, .targets = {}};
  for (int i = 0; i < kCount; ++i) {
    table.x.insert(table.x.end(), {static_cast<float>(i), static_cast<float>(i) + 0.5f});
    table.targets.push_back(static_cast<float>(-i));
  }
  return table;
}

ImageSet MakeImages() {
  ImageSet set{.count = kCount,
               .height = 1,
               .width = 2,
               .images = {},
               .labels = {},
               .image_sha256 = {},
               .label_sha256 = {}};
  for (int i = 0; i < kCount; ++i) {
    set.images.insert(set.images.end(), {static_cast<std::uint8_t>(i), 9});
    set.labels.push_back(static_cast<std::uint8_t>(i));
  }
  return set;
}

// The bytes of a batch whose rows are two floats and a word.
std::vector<std::uint32_t> WordsOf(const Rows& rows) {
  const auto* const x = static_cast<const std::uint32_t*>(rows.x);
  const auto* const targets = static_cast<const std::uint32_t*>(rows.targets);
  std::vector<std::uint32_t> words(x, x + 2 * rows.size);
  words.insert(words.end(), targets, targets + rows.size);
  return words;
}

// The batches of an epoch, each looked at again behind the next one, if `peeks`.
std::vector<std::vector<std::uint32_t>> Drain(const Samples& samples, bool peeks) {
  std::vector<std::uint32_t> order(kCount);
  std::iota(order.rbegin(), order.rend(), 0u);
  const std::unique_ptr<RowStream> stream = samples.InOrder(order, {5, 5, 0, 5, 5, 3});
  std::vector<std::vector<std::uint32_t>> batches;
  while (const Rows* rows = stream->Next()) {
    if (peeks) {
      const Rows* const coming = stream->Peek();
      EXPECT_EQ(coming, stream->Peek());
      EXPECT_NE(coming, rows);
    }
    batches.push_back(WordsOf(*rows));
  }
  EXPECT_EQ(stream->Peek(), nullptr);
  EXPECT_EQ(stream->Next(), nullptr);
  return batches;
}

TEST(RowStream, ABatchStaysWhileTheNextOneIsLookedAt) {
  const ImageSet images = MakeImages();
  for (const int map_threads : {0, 1, 3}) {
    const auto samples =
        ImageSamples(images, {.height = 1, .width = 2, .map_threads = map_threads, .prefetch = 1});
    EXPECT_EQ(Drain(*samples, true), Drain(*samples, false)) << map_threads << " threads";
  }
  const auto samples = TableSamples(MakeTable());
  const auto batches = Drain(*samples, true);
  EXPECT_EQ(batches, Drain(*samples, false));
  ASSERT_EQ(batches.size(), 6);
  EXPECT_EQ(batches[0][0], std::bit_cast<std::uint32_t>(22.0f));
  EXPECT_EQ(batches[2].size(), 0);
}

}  // namespace
}  // namespace samebits
