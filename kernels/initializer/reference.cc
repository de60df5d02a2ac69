// The contract of random tensors: the streams that Keras' initializers draw from.
#include "kernels/initializer/initializer.h"
#include "model/streams/stream.h"

namespace samebits::initializer::reference {
namespace {

const Stream& StreamOf(const Case& id) {
  return ShapeOf(id).tensorflow ? kKerasTensorflow : kKerasJax;
}

SeedState SeedOf(const Buffers& buffers) {
  const auto* const stream = buffers.in<std::int64_t>(0);
  return {static_cast<std::uint32_t>(stream[0]), static_cast<std::uint32_t>(stream[1])};
}

std::span<float> Values(const Case& id, const Buffers& buffers) {
  return {buffers.out(0), static_cast<std::size_t>(ShapeOf(id).n)};
}

// Product and sum are rounded one after the other.
void ScaleAndShift(const Case& id, const Buffers& buffers) {
  const float* const range = buffers.in(1);
  for (float& value : Values(id, buffers)) value = value * range[1] + range[0];
}

}  // namespace

void Uniform(const Case& id, const Buffers& buffers, Team&) {
  const float* const range = buffers.in(1);
  StreamOf(id).uniform(SeedOf(buffers), range[0], range[1], Values(id, buffers));
}

void Normal(const Case& id, const Buffers& buffers, Team&) {
  StreamOf(id).normal(SeedOf(buffers), Values(id, buffers));
  ScaleAndShift(id, buffers);
}

void TruncatedNormal(const Case& id, const Buffers& buffers, Team&) {
  StreamOf(id).truncated_normal(SeedOf(buffers), Values(id, buffers));
  ScaleAndShift(id, buffers);
}

}  // namespace samebits::initializer::reference
