#include "model/data/pipeline.h"

#include <random>

#include "model/streams/shuffle.h"
#include "model/tests/testing.h"

namespace samebits {
namespace {

// The floats and labels of a whole epoch, and the size of each batch.
struct Epoch {
  std::vector<float> images;
  std::vector<std::int32_t> labels;
  std::vector<int> sizes;
};

ImageSet MakeImages(int count) {
  ImageSet set{.count = count,
               .height = 28,
               .width = 28,
               .images = {},
               .labels = {},
               .image_sha256 = {},
               .label_sha256 = {}};
  std::mt19937 random(5);
  for (int i = 0; i < count * 28 * 28; ++i) set.images.push_back(random() & 0xFF);
  for (int i = 0; i < count; ++i) set.labels.push_back(i % 10);
  return set;
}

Epoch Drain(BatchPipeline& pipeline) {
  Epoch epoch;
  while (const Batch* batch = pipeline.Next()) {
    epoch.images.insert(epoch.images.end(), batch->images.begin(), batch->images.end());
    epoch.labels.insert(epoch.labels.end(), batch->labels.begin(), batch->labels.end());
    epoch.sizes.push_back(batch->size);
  }
  return epoch;
}

TEST(BatchPipeline, EveryThreadCountAndDepthGivesTheSameBits) {
  const ImageSet set = MakeImages(100);
  const auto order = Shuffle{{812, 0}, 100}.Order(0, 100);
  std::vector<float> expected(100 * 32 * 32);
  ImageResizer resizer(28, 28, 32, 32);
  for (std::size_t i = 0; i < order.size(); ++i) {
    resizer.Resize(std::span(set.images).subspan(order[i] * 784, 784),
                   std::span(expected).subspan(i * 1024, 1024));
  }
  for (const int threads : {0, 1, 2, 3, 7}) {
    for (const int prefetch : {1, 2, 5}) {
      SCOPED_TRACE(::testing::Message() << threads << " threads, prefetch " << prefetch);
      BatchPipeline pipeline(set, order,
                             {.batch_size = 8, .map_threads = threads, .prefetch = prefetch});
      EXPECT_EQ(pipeline.batch_count(), 13);
      const Epoch epoch = Drain(pipeline);
      EXPECT_EQ(testing::DifferingBits(epoch.images, expected), 0);
      ASSERT_EQ(epoch.labels.size(), order.size());
      for (std::size_t i = 0; i < order.size(); ++i) {
        ASSERT_EQ(epoch.labels[i], set.labels[order[i]]);
      }
      std::vector<int> sizes(13, 8);
      sizes.back() = 4;
      EXPECT_EQ(epoch.sizes, sizes);
      EXPECT_EQ(pipeline.Next(), nullptr);
    }
  }
}

// What a pipeline without order may do: every image once, in batches that are whole.
TEST(BatchPipeline, UnorderedHasEveryBatchOnce) {
  const ImageSet set = MakeImages(100);
  const auto order = Shuffle{{812, 0}, 100}.Order(0, 100);
  const auto batches_of = [&](bool ordered) {
    BatchPipeline pipeline(set, order, {.batch_size = 8, .map_threads = 3, .ordered = ordered});
    std::vector<std::vector<float>> batches;
    while (const Batch* batch = pipeline.Next()) {
      batches.emplace_back(batch->images.begin(), batch->images.end());
    }
    std::ranges::sort(batches);
    return batches;
  };
  const auto unordered = batches_of(false);
  EXPECT_EQ(unordered.size(), 13u);
  EXPECT_EQ(unordered, batches_of(true));
}

// 1,000 rows of 10 numbers, batches of 32, a buffer of 100: two data sets shuffled with one seed
// give the same rows in the first batch, and in all.
TEST(BatchPipeline, TwoSeededShufflesGiveTheSameRows) {
  ImageSet set{.count = 1000,
               .height = 1,
               .width = 10,
               .images = std::vector<std::uint8_t>(1000 * 10),
               .labels = std::vector<std::uint8_t>(1000),
               .image_sha256 = {},
               .label_sha256 = {}};
  for (std::size_t id = 0; id < 1000; ++id) {
    set.images[id * 10] = static_cast<std::uint8_t>(id);
    set.images[id * 10 + 1] = static_cast<std::uint8_t>(id >> 8);
  }
  const auto rows = [&](RandomSources& sources, std::uint32_t seed, std::uint64_t epoch) {
    const Shuffle shuffle = {sources.ShuffleWithSeed(seed), 100};
    BatchPipeline pipeline(set, shuffle.Order(epoch, 1000),
                           {.batch_size = 32, .height = 1, .width = 10, .map_threads = 3});
    return Drain(pipeline).images;
  };
  RandomSources first(GlobalSeeds::All(42)), second(GlobalSeeds::All(42));
  for (const std::uint64_t epoch : {0, 1}) {
    const auto ours = rows(first, 7, epoch);
    EXPECT_EQ(ours.size(), 10000u);
    EXPECT_EQ(testing::DifferingBits(ours, rows(second, 7, epoch)), 0);
    for (const auto& other : {rows(second, 8, epoch), rows(second, 7, epoch + 1)}) {
      EXPECT_FALSE(std::equal(other.begin(), other.begin() + 320, ours.begin()));
    }
  }
}

TEST(BatchPipeline, CanBeDroppedAtAnyBatch) {
  const ImageSet set = MakeImages(64);
  const auto order = Shuffle{{1, 0}, 64}.Order(0, 64);
  for (int taken = 0; taken <= 16; ++taken) {
    BatchPipeline pipeline(set, order, {.batch_size = 4, .map_threads = 3, .prefetch = 2});
    for (int i = 0; i < taken; ++i) ASSERT_NE(pipeline.Next(), nullptr);
  }
}

TEST(BatchPipeline, AnEmptyOrderHasNoBatches) {
  const ImageSet set = MakeImages(1);
  for (const int threads : {0, 2}) {
    BatchPipeline pipeline(set, {}, {.map_threads = threads});
    EXPECT_EQ(pipeline.Next(), nullptr);
  }
}

TEST(BatchPipeline, FailuresReachTheConsumerInTheirPlace) {
  const ImageSet set = MakeImages(40);
  std::vector<std::uint32_t> order = Shuffle{{1, 0}, 40}.Order(0, 40);
  order[14] = 40;  // in the fourth batch
  for (const int threads : {0, 1, 3}) {
    BatchPipeline pipeline(set, order, {.batch_size = 4, .map_threads = threads, .prefetch = 2});
    for (int i = 0; i < 3; ++i) EXPECT_NE(pipeline.Next(), nullptr);
    EXPECT_THROW(pipeline.Next(), std::out_of_range);
    EXPECT_THROW(pipeline.Next(), std::out_of_range);
  }
}

}  // namespace
}  // namespace samebits
