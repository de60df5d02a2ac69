// What a network learns from, whatever it is: images read from files, or tables made by a recipe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "kernels/core/op.h"
#include "model/data/idx.h"
#include "model/data/pipeline.h"

namespace samebits {

// One batch, valid until the next: as the first layer and the loss take it.
struct Rows {
  int size = 0;
  const void* x = nullptr;        // float or std::int32_t [size,...]
  const void* targets = nullptr;  // std::int32_t [size] of classes, or float [size,...]
};

// Batches in the order that was asked for; null after the last.
class RowStream {
 public:
  virtual ~RowStream() = default;

  // Ends what was valid before.
  const Rows* Next() {
    const Rows* const rows = Peek();
    coming_.reset();
    return rows;
  }
  // What Next() will give. The batch that it gave stays valid.
  const Rows* Peek() {
    if (!coming_) coming_ = Take();
    return *coming_;
  }

 private:
  // The next batch, valid until the call after the next one.
  virtual const Rows* Take() = 0;

  std::optional<const Rows*> coming_;
};

class Samples {
 public:
  virtual ~Samples() = default;
  virtual std::int64_t count() const = 0;
  // The samples order[0], order[1], ... in batches of these sizes, some of which may be empty. Must
  // not outlive the samples.
  virtual std::unique_ptr<RowStream> InOrder(std::vector<std::uint32_t> order,
                                             std::vector<int> sizes) const = 0;
  // All of them as they are kept, for digests and goldens.
  virtual std::vector<Tensor> Tensors() const = 0;
  virtual std::vector<const void*> Bytes() const = 0;
};

// Images / 255, resized, and their labels as classes. `images` must outlive them; what `options`
// says of the batch does not count.
std::unique_ptr<Samples> ImageSamples(const ImageSet& images, const PipelineOptions& options);

// A table in memory: rows of values and what they mean.
template <class X, class Target>
struct Table {
  std::int64_t features = 1, outputs = 1;  // of a row
  std::vector<X> x;
  std::vector<Target> targets;
};

std::unique_ptr<Samples> TableSamples(Table<float, float> table);
std::unique_ptr<Samples> TableSamples(Table<std::int32_t, float> table);

// The first `most` of them.
std::unique_ptr<const Samples> FirstOf(std::unique_ptr<const Samples> samples, std::int64_t most);

}  // namespace samebits
