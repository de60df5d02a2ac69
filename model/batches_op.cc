#include "model/batches_op.h"

#include <algorithm>
#include <numeric>
#include <random>

#include <fmt/format.h>

#include "kernels/core/cpu.h"
#include "kernels/core/error.h"
#include "kernels/core/inputs.h"
#include "kernels/core/pipeline_plan.h"
#include "kernels/core/rows.h"
#include "kernels/core/team.h"
#include "model/data/pipeline.h"
#include "model/streams/seeds.h"

namespace samebits {
namespace {

using enum DType;

constexpr int kSize = 32;  // of the images that come out

struct Shape {
  std::int64_t n, h, w, batch, buffer, passes;
};

Shape ShapeOf(const Case& c) {
  const Shape s{c.Get("n"), c.Get("h"), c.Get("w"), c.Get("b"), c.Get("buffer"), c.Get("passes")};
  for (const std::int64_t extent : {s.n, s.h, s.w, s.batch, s.buffer, s.passes}) {
    if (extent < 1) {
      throw UserError(fmt::format("case '{}': no batches: an extent is below 1", c.id()));
    }
  }
  return s;
}

Signature SignatureOf(const Case& c) {
  const Shape s = ShapeOf(c);
  return {{{"images", kUint8, {s.n, s.h, s.w}}, {"labels", kUint8, {s.n}}},
          {{"y", kFloat32, {s.passes, s.n, kSize, kSize}}, {"classes", kInt32, {s.passes, s.n}}}};
}

void Fill(const Case& c, int index, const Tensor& tensor, std::byte* bytes) {
  const auto elements = static_cast<std::uint64_t>(tensor.Elements());
  for (std::uint64_t i = 0; i < elements; ++i) {
    bytes[i] = static_cast<std::byte>(InputWord(c.Seed(), static_cast<std::uint64_t>(index), i));
  }
}

ImageSet ImagesOf(const Shape& s, const Buffers& buffers) {
  const auto *images = buffers.in<std::uint8_t>(0), *labels = buffers.in<std::uint8_t>(1);
  return {.count = static_cast<int>(s.n),
          .height = static_cast<int>(s.h),
          .width = static_cast<int>(s.w),
          .images = {images, images + s.n * s.h * s.w},
          .labels = {labels, labels + s.n},
          .image_sha256 = {},
          .label_sha256 = {}};
}

std::vector<std::uint32_t> OrderOf(const Shape& s, std::int64_t seed, std::int64_t epoch) {
  RandomSources sources(GlobalSeeds::All(seed));
  const Shuffle shuffle{.seeds = sources.NextShuffle(),
                        .buffer = static_cast<std::uint32_t>(s.buffer)};
  return shuffle.Order(static_cast<std::uint64_t>(2 * epoch), static_cast<std::uint32_t>(s.n));
}

void Reference(const Case& c, const Buffers& buffers, Team&) {
  const Shape s = ShapeOf(c);
  const ImageSet set = ImagesOf(s, buffers);
  ImageResizer resizer(set.height, set.width, kSize, kSize);
  const auto pixels = static_cast<std::size_t>(s.h * s.w);
  std::int64_t place = 0;
  for (std::int64_t epoch = 0; epoch < s.passes; ++epoch) {
    for (const std::uint32_t id : OrderOf(s, c.Get("seed"), epoch)) {
      resizer.Resize(std::span(set.images).subspan(id * pixels, pixels),
                     {buffers.out(0) + place * kSize * kSize, kSize * kSize});
      buffers.out<std::int32_t>(1)[place++] = set.labels[id];
    }
  }
}

// One epoch through a pipeline, written from `place` on.
void Drain(const Shape& s, const ImageSet& set, std::vector<std::uint32_t> order, bool ordered,
           const Buffers& buffers, Team& team, std::int64_t& place) {
  const PipelinePlan plan = CurrentPipelinePlan();
  BatchPipeline pipeline(set, std::move(order),
                         {.batch_size = static_cast<int>(s.batch),
                          .height = kSize,
                          .width = kSize,
                          .map_threads = plan.map_threads * team.size(),
                          .prefetch = plan.prefetch,
                          .ordered = ordered});
  while (const Batch* batch = pipeline.Next()) {
    std::ranges::copy(batch->images, buffers.out(0) + place * kSize * kSize);
    std::ranges::copy(batch->labels, buffers.out<std::int32_t>(1) + place);
    place += batch->size;
  }
}

void Pipeline(const Case& c, const Buffers& buffers, Team& team) {
  const Shape s = ShapeOf(c);
  const ImageSet set = ImagesOf(s, buffers);
  std::int64_t place = 0;
  for (std::int64_t epoch = 0; epoch < s.passes; ++epoch) {
    Drain(s, set, OrderOf(s, c.Get("seed"), epoch), true, buffers, team, place);
  }
}

// What pipelines do that promise no order: "order": batches come as they are ready; "buffer":
// samples come as they lie, no buffer is filled; else batches as they are ready, shuffled by
// another seed each time.
void Free(const Case& c, const Buffers& buffers, Team& team) {
  const Shape s = ShapeOf(c);
  const ImageSet set = ImagesOf(s, buffers);
  std::int64_t place = 0;
  for (std::int64_t epoch = 0; epoch < s.passes; ++epoch) {
    std::vector<std::uint32_t> order(static_cast<std::size_t>(s.n));
    if (c.Has("order")) {
      order = OrderOf(s, c.Get("seed"), epoch);
    } else if (c.Has("buffer")) {
      std::iota(order.begin(), order.end(), 0u);
    } else {
      order = OrderOf(s, std::random_device()(), epoch);
    }
    Drain(s, set, std::move(order), c.Has("buffer"), buffers, team, place);
  }
}

// One image; what is stored in full; a last batch that is smaller; buffers smaller and larger than
// the set, and of one image; batches larger than the set; sizes that grow, shrink and are one
// pixel.
constexpr std::string_view kCases[] = {
    "n1h28w28_b1buffer1passes1",   "n4h5w4_b2buffer3passes1",       "n50h28w28_b16buffer20passes2",
    "n97h14w9_b64buffer97passes2", "n61h33w40_b7buffer1000passes1", "n30h1w1_b100buffer1passes3",
};
constexpr std::string_view kTimed[] = {
    "n2048h28w28_b64buffer2048passes1_order",
    "n2048h28w28_b64buffer2048passes1_buffer",
    "n2048h28w28_b64buffer2048passes1_free",
};

constexpr Backend kChance{"chance", [] { return std::string(); }};

constexpr Kernel kRows[] = {
    {&kImageBatches, "reference", &kCpu, Claim::kEverywhere, Reference},
    {&kImageBatches, "pipeline", &kCpu, Claim::kEverywhere, Pipeline},
    {&kImageBatches, "free", &kChance, Claim::kNone, Free},
};

}  // namespace

const Op kImageBatches{
    .name = "image_batches_v1",
    .order = "that of the shuffle, whoever prepares a batch",
    .cases = kCases,
    .timed_cases = kTimed,
    .signature = SignatureOf,
    .fill = Fill,
    .flops = nullptr,
    .has_pipeline = true,
};

}  // namespace samebits

std::span<const samebits::Kernel> samebits::rows::Pipeline() { return samebits::kRows; }
