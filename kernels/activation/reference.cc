// The contract of the elementwise functions.
#include "kernels/activation/activation.h"
#include "kernels/core/team.h"
#include "kernels/math/exp.h"
#include "kernels/math/log.h"
#include "kernels/math/tanh.h"

namespace samebits::activation::reference {
namespace {

template <class Function>
void Map(const Case& id, const Buffers& buffers, const Function& function) {
  const std::int64_t n = id.Get("n");
  for (std::int64_t i = 0; i < n; ++i) buffers.out(0)[i] = function(buffers.in(0)[i]);
}

}  // namespace

void ReluForward(const Case& id, const Buffers& buffers, Team&) {
  Map(id, buffers, [](float x) { return x > 0.0f || x != x ? x : 0.0f; });
}

void ReluBackward(const Case& id, const Buffers& buffers, Team&) {
  const float *y = buffers.in(0), *dy = buffers.in(1);
  const std::int64_t n = id.Get("n");
  for (std::int64_t i = 0; i < n; ++i) buffers.out(0)[i] = y[i] > 0.0f ? dy[i] : 0.0f;
}

void SigmoidForward(const Case& id, const Buffers& buffers, Team&) {
  Map(id, buffers, [](float x) { return 1.0f / (1.0f + samebits::Exp(-x)); });
}

void SigmoidBackward(const Case& id, const Buffers& buffers, Team&) {
  const float *y = buffers.in(0), *dy = buffers.in(1);
  const std::int64_t n = id.Get("n");
  for (std::int64_t i = 0; i < n; ++i) buffers.out(0)[i] = dy[i] * (y[i] * (1.0f - y[i]));
}

void TanhForward(const Case& id, const Buffers& buffers, Team&) { Map(id, buffers, Tanh); }

void TanhBackward(const Case& id, const Buffers& buffers, Team&) {
  const float *y = buffers.in(0), *dy = buffers.in(1);
  const std::int64_t n = id.Get("n");
  for (std::int64_t i = 0; i < n; ++i) buffers.out(0)[i] = dy[i] * (1.0f - y[i] * y[i]);
}

void Exp(const Case& id, const Buffers& buffers, Team&) { Map(id, buffers, samebits::Exp); }

void Log(const Case& id, const Buffers& buffers, Team&) { Map(id, buffers, samebits::Log); }

}  // namespace samebits::activation::reference
