#include "model/data/pipeline.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

namespace samebits {
namespace {

int DivideUp(std::size_t a, int b) {
  return static_cast<int>((a + static_cast<std::size_t>(b) - 1) / static_cast<std::size_t>(b));
}

}  // namespace

BatchPipeline::BatchPipeline(const ImageSet& images, std::vector<std::uint32_t> order,
                             const PipelineOptions& options)
    : images_(images),
      order_(std::move(order)),
      options_(options),
      batch_count_(DivideUp(order_.size(), options.batch_size)),
      resizer_(images.height, images.width, options.height, options.width),
      slots_(options.map_threads == 0 ? 1 : static_cast<std::size_t>(options.prefetch) + 1) {
  const auto batch_size = static_cast<std::size_t>(options.batch_size);
  const auto pixels =
      static_cast<std::size_t>(options.height) * static_cast<std::size_t>(options.width);
  for (Slot& slot : slots_) {
    slot.images.resize(batch_size * pixels);
    slot.labels.resize(batch_size);
  }
  for (int i = 0; i < options.map_threads; ++i) {
    workers_.emplace_back([this](std::stop_token stop) { Work(std::move(stop), resizer_); });
  }
}

const Batch* BatchPipeline::Next() {
  if (next_ == batch_count_) return nullptr;
  Slot& slot = SlotOf(next_);
  if (options_.map_threads == 0) {
    Fill(next_, resizer_, slot);
  } else {
    std::unique_lock lock(mutex_);
    released_ = next_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return slot.ready; });
    if (slot.error) std::rethrow_exception(slot.error);
    slot.ready = false;
  }
  ++next_;
  return &slot.batch;
}

void BatchPipeline::Work(std::stop_token stop, ImageResizer resizer) {
  std::unique_lock lock(mutex_);
  while (claimed_ < batch_count_) {
    // A batch may be taken up when the one that used its slot before was given back.
    const auto has_slot = [this] {
      return static_cast<std::size_t>(claimed_ - released_) < slots_.size();
    };
    if (!changed_.wait(lock, stop, has_slot) || claimed_ == batch_count_) return;
    const int index = claimed_++;
    Slot& slot = SlotOf(index);
    lock.unlock();
    try {
      Fill(index, resizer, slot);
    } catch (...) {
      slot.error = std::current_exception();
    }
    lock.lock();
    slot.ready = true;
    changed_.notify_all();
  }
}

void BatchPipeline::Fill(int index, ImageResizer& resizer, Slot& slot) const {
  const auto batch_size = static_cast<std::size_t>(options_.batch_size);
  const std::size_t first = static_cast<std::size_t>(index) * batch_size;
  const std::size_t size = std::min(batch_size, order_.size() - first);
  const std::size_t in_pixels =
      static_cast<std::size_t>(images_.height) * static_cast<std::size_t>(images_.width);
  const std::size_t out_pixels = slot.images.size() / batch_size;
  const std::span<float> images(slot.images.data(), size * out_pixels);
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t source = order_[first + i];
    if (source >= images_.labels.size()) {
      throw std::out_of_range(
          fmt::format("the order of an epoch names image {} of {}", source, images_.labels.size()));
    }
    resizer.Resize(std::span(images_.images).subspan(source * in_pixels, in_pixels),
                   images.subspan(i * out_pixels, out_pixels));
    slot.labels[i] = images_.labels[source];
  }
  slot.batch = {.size = static_cast<int>(size),
                .images = images,
                .labels = std::span(slot.labels).first(size)};
}

}  // namespace samebits
