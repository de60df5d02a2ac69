// Batches of an epoch, prepared by worker threads ahead of the consumer.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <span>
#include <stop_token>
#include <thread>
#include <vector>

#include "model/data/idx.h"
#include "model/data/preprocess.h"

namespace samebits {

// One batch; valid until the next call but one of BatchPipeline::Next.
struct Batch {
  int size = 0;
  std::span<const float> images;         // size x height x width x 1, as ImageResizer makes them
  std::span<const std::int32_t> labels;  // size
};

struct PipelineOptions {
  int batch_size = 64;  // at least 1
  // Of each batch, where they differ; empty: batch_size, and of the last one what is left.
  std::vector<int> sizes = {};
  int height = 32;  // of the images that come out
  int width = 32;
  int map_threads = 1;  // 0: Next() prepares the batch itself
  int prefetch = 2;     // batches prepared ahead of those the consumer holds
  bool ordered = true;  // else batches come as they are ready, to tell what the order costs
};

// Yields the images order[0], order[1], ... in batches. Each batch is
// prepared whole by one worker into a ring of prefetch + 2 buffers, allocated once. Which worker
// takes which batch is left to chance; where they are ordered, it changes neither order nor bits.
class BatchPipeline {
 public:
  // `images` must outlive the pipeline.
  BatchPipeline(const ImageSet& images, std::vector<std::uint32_t> order,
                const PipelineOptions& options);

  // The next batch, or null after the last. Rethrows what preparing that batch threw
  // (std::out_of_range for an order that names no image), then and on every later call.
  const Batch* Next();

  int batch_count() const { return static_cast<int>(begins_.size()) - 1; }

 private:
  struct Slot {
    std::vector<float> images;
    std::vector<std::int32_t> labels;
    Batch batch;
    std::exception_ptr error;
    int index = 0;  // of the batch
    bool ready = false;
  };

  void Fill(int index, ImageResizer& resizer, Slot& slot) const;
  void Work(std::stop_token stop, ImageResizer resizer);
  // The slot of a batch that the consumer may have now; null: none is ready.
  Slot* Ready();

  const ImageSet& images_;
  const std::vector<std::uint32_t> order_;
  const PipelineOptions options_;
  std::vector<std::size_t> begins_;  // of each batch, and behind the last one
  ImageResizer resizer_;             // for Next(); each worker has its own copy
  std::vector<Slot> slots_;

  std::mutex mutex_;  // guards what follows, and `ready` of the slots
  std::condition_variable_any changed_;
  int claimed_ = 0;          // batches taken up by workers
  std::vector<Slot*> free_;  // neither held by the consumer nor claimed

  // The consumer's own.
  Slot *held_ = nullptr, *held_before_ = nullptr;
  int next_ = 0;                       // the batches that it had
  std::vector<std::jthread> workers_;  // last: joined before the rest is destroyed
};

}  // namespace samebits
