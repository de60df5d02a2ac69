#include "model/data/pipeline.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

namespace samebits {
namespace {

std::vector<std::size_t> BeginsOf(std::size_t count, const PipelineOptions& options) {
  std::vector<std::size_t> begins = {0};
  if (options.sizes.empty()) {
    const auto size = static_cast<std::size_t>(options.batch_size);
    while (begins.back() < count) begins.push_back(std::min(count, begins.back() + size));
  }
  for (const int size : options.sizes) {
    begins.push_back(begins.back() + static_cast<std::size_t>(size));
  }
  if (begins.back() != count) throw std::out_of_range("batches that are not all of an order");
  return begins;
}

}  // namespace

BatchPipeline::BatchPipeline(const ImageSet& images, std::vector<std::uint32_t> order,
                             const PipelineOptions& options)
    : images_(images),
      order_(std::move(order)),
      options_(options),
      begins_(BeginsOf(order_.size(), options)),
      resizer_(images.height, images.width, options.height, options.width),
      slots_(options.map_threads == 0 ? 2 : static_cast<std::size_t>(options.prefetch) + 2) {
  std::size_t largest = 0;
  for (std::size_t i = 1; i < begins_.size(); ++i) {
    largest = std::max(largest, begins_[i] - begins_[i - 1]);
  }
  const auto pixels =
      static_cast<std::size_t>(options.height) * static_cast<std::size_t>(options.width);
  for (Slot& slot : slots_) {
    slot.images.resize(largest * pixels);
    slot.labels.resize(largest);
    free_.push_back(&slot);
  }
  for (int i = 0; i < options.map_threads; ++i) {
    workers_.emplace_back([this](std::stop_token stop) { Work(std::move(stop), resizer_); });
  }
}

const Batch* BatchPipeline::Next() {
  if (next_ == batch_count()) return nullptr;
  if (options_.map_threads == 0) {
    Slot& slot = slots_[static_cast<std::size_t>(next_ % 2)];
    Fill(next_, resizer_, slot);
    ++next_;
    return &slot.batch;
  }
  std::unique_lock lock(mutex_);
  if (held_before_ != nullptr) free_.push_back(held_before_);
  held_before_ = std::exchange(held_, nullptr);
  changed_.notify_all();
  Slot* ready = nullptr;
  changed_.wait(lock, [&] { return (ready = Ready()) != nullptr; });
  if (ready->error) std::rethrow_exception(ready->error);
  ready->ready = false;
  held_ = ready;
  ++next_;
  return &held_->batch;
}

BatchPipeline::Slot* BatchPipeline::Ready() {
  for (Slot& slot : slots_) {
    if (slot.ready && (!options_.ordered || slot.index == next_)) return &slot;
  }
  return nullptr;
}

void BatchPipeline::Work(std::stop_token stop, ImageResizer resizer) {
  std::unique_lock lock(mutex_);
  while (claimed_ < batch_count()) {
    // Batches are taken up in order, so the one the consumer waits for has a slot.
    if (!changed_.wait(lock, stop, [this] { return !free_.empty(); }) ||
        claimed_ == batch_count()) {
      return;
    }
    Slot& slot = *free_.back();
    free_.pop_back();
    slot.index = claimed_++;
    lock.unlock();
    try {
      Fill(slot.index, resizer, slot);
    } catch (...) {
      slot.error = std::current_exception();
    }
    lock.lock();
    slot.ready = true;
    changed_.notify_all();
  }
}

void BatchPipeline::Fill(int index, ImageResizer& resizer, Slot& slot) const {
  const std::size_t first = begins_[static_cast<std::size_t>(index)];
  const std::size_t size = begins_[static_cast<std::size_t>(index) + 1] - first;
  const std::size_t in_pixels =
      static_cast<std::size_t>(images_.height) * static_cast<std::size_t>(images_.width);
  const std::size_t out_pixels =
      static_cast<std::size_t>(options_.height) * static_cast<std::size_t>(options_.width);
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
