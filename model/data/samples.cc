#include "model/data/samples.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace samebits {
namespace {

template <class T>
constexpr DType kType = DType::kFloat32;
template <>
constexpr DType kType<std::int32_t> = DType::kInt32;

class ImageRows : public RowStream {
 public:
  ImageRows(const ImageSet& images, std::vector<std::uint32_t> order,
            const PipelineOptions& options)
      : pipeline_(images, std::move(order), options) {}

 private:
  const Rows* Take() override {
    const Batch* batch = pipeline_.Next();
    if (batch == nullptr) return nullptr;
    Rows& rows = rows_[taken_++ % 2];
    rows = {batch->size, batch->images.data(), batch->labels.data()};
    return &rows;
  }

  BatchPipeline pipeline_;
  std::array<Rows, 2> rows_;
  std::size_t taken_ = 0;
};

class Images : public Samples {
 public:
  Images(const ImageSet& images, const PipelineOptions& options)
      : images_(images), options_(options) {}

  std::int64_t count() const override { return images_.count; }
  std::unique_ptr<RowStream> InOrder(std::vector<std::uint32_t> order,
                                     std::vector<int> sizes) const override {
    PipelineOptions options = options_;
    options.sizes = std::move(sizes);
    return std::make_unique<ImageRows>(images_, std::move(order), options);
  }
  std::vector<Tensor> Tensors() const override {
    return {{"images", DType::kUint8, {images_.count, images_.height, images_.width}},
            {"labels", DType::kUint8, {images_.count}}};
  }
  std::vector<const void*> Bytes() const override {
    return {images_.images.data(), images_.labels.data()};
  }

 private:
  const ImageSet& images_;
  const PipelineOptions options_;
};

template <class X, class Target>
class TableRows : public RowStream {
 public:
  TableRows(const Table<X, Target>& table, std::vector<std::uint32_t> order, std::vector<int> sizes)
      : table_(table), order_(std::move(order)), sizes_(std::move(sizes)) {}

 private:
  // A batch, and where it lies.
  struct Held {
    std::vector<X> x;
    std::vector<Target> targets;
    Rows rows;
  };

  const Rows* Take() override {
    if (batch_ == sizes_.size()) return nullptr;
    auto& [x, targets, rows] = held_[batch_ % 2];
    const auto size = static_cast<std::size_t>(sizes_[batch_++]);
    x.clear(), targets.clear();
    const auto append = [](auto& to, const auto& from, std::int64_t width, std::uint32_t row) {
      const auto first = from.begin() + width * row;
      to.insert(to.end(), first, first + width);
    };
    for (std::size_t i = 0; i < size; ++i) {
      append(x, table_.x, table_.features, order_[next_ + i]);
      append(targets, table_.targets, table_.outputs, order_[next_ + i]);
    }
    next_ += size;
    rows = {static_cast<int>(size), x.data(), targets.data()};
    return &rows;
  }

  const Table<X, Target>& table_;
  const std::vector<std::uint32_t> order_;
  const std::vector<int> sizes_;
  std::size_t batch_ = 0, next_ = 0;
  std::array<Held, 2> held_;
};

template <class X, class Target>
class InMemory : public Samples {
 public:
  explicit InMemory(Table<X, Target> table) : table_(std::move(table)) {}

  std::int64_t count() const override { return std::ssize(table_.x) / table_.features; }
  std::unique_ptr<RowStream> InOrder(std::vector<std::uint32_t> order,
                                     std::vector<int> sizes) const override {
    return std::make_unique<TableRows<X, Target>>(table_, std::move(order), std::move(sizes));
  }
  std::vector<Tensor> Tensors() const override {
    return {{"x", kType<X>, {count(), table_.features}},
            {"targets", kType<Target>, {count(), table_.outputs}}};
  }
  std::vector<const void*> Bytes() const override {
    return {table_.x.data(), table_.targets.data()};
  }

 private:
  const Table<X, Target> table_;
};

class First : public Samples {
 public:
  First(std::unique_ptr<const Samples> all, std::int64_t most)
      : all_(std::move(all)), count_(std::min(most, all_->count())) {}

  std::int64_t count() const override { return count_; }
  std::unique_ptr<RowStream> InOrder(std::vector<std::uint32_t> order,
                                     std::vector<int> sizes) const override {
    return all_->InOrder(std::move(order), std::move(sizes));
  }
  std::vector<Tensor> Tensors() const override {
    std::vector<Tensor> tensors = all_->Tensors();
    for (Tensor& tensor : tensors) tensor.shape[0] = count_;
    return tensors;
  }
  std::vector<const void*> Bytes() const override { return all_->Bytes(); }

 private:
  const std::unique_ptr<const Samples> all_;
  const std::int64_t count_;
};

}  // namespace

std::unique_ptr<const Samples> FirstOf(std::unique_ptr<const Samples> samples, std::int64_t most) {
  return std::make_unique<First>(std::move(samples), most);
}

std::unique_ptr<Samples> ImageSamples(const ImageSet& images, const PipelineOptions& options) {
  return std::make_unique<Images>(images, options);
}

std::unique_ptr<Samples> TableSamples(Table<float, float> table) {
  return std::make_unique<InMemory<float, float>>(std::move(table));
}

std::unique_ptr<Samples> TableSamples(Table<std::int32_t, float> table) {
  return std::make_unique<InMemory<std::int32_t, float>>(std::move(table));
}

}  // namespace samebits
