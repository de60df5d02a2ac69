#include "benchmarks/peak.h"

#include <algorithm>
#include <cmath>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <benchmark/benchmark.h>

#include "benchmarks/rounds.h"
#include "kernels/core/cpu.h"

namespace samebits {
namespace {

// Sums that do not wait for each other: more than latency times throughput of any processor.
constexpr int kSums = 12;
constexpr std::int64_t kTurns = 1 << 20;

#if defined(__x86_64__)

[[gnu::target("avx512f")]] double Avx512() {
  __m512 sums[kSums];
  for (__m512& sum : sums) sum = _mm512_set1_ps(1.0f);
  const __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
  for (std::int64_t turn = 0; turn < kTurns; ++turn) {
    for (__m512& sum : sums) sum = _mm512_fmadd_ps(sum, a, b);
  }
  for (__m512& sum : sums) benchmark::DoNotOptimize(sum);
  return 2.0 * 16 * kSums * kTurns;
}

[[gnu::target("avx2,fma")]] double Avx2() {
  __m256 sums[kSums];
  for (__m256& sum : sums) sum = _mm256_set1_ps(1.0f);
  const __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
  for (std::int64_t turn = 0; turn < kTurns; ++turn) {
    for (__m256& sum : sums) sum = _mm256_fmadd_ps(sum, a, b);
  }
  for (__m256& sum : sums) benchmark::DoNotOptimize(sum);
  return 2.0 * 8 * kSums * kTurns;
}

#endif

double Baseline() {
  float sums[4 * kSums];
  std::fill(std::begin(sums), std::end(sums), 1.0f);
  for (std::int64_t turn = 0; turn < kTurns; ++turn) {
    for (float& sum : sums) sum = std::fma(sum, 0.999f, 0.001f);
  }
  benchmark::DoNotOptimize(sums);
  return 2.0 * 4 * kSums * kTurns;
}

double OfThisMachine() {
#if defined(__x86_64__)
  if (BestIsa() == Isa::kAvx512) return Avx512();
  if (BestIsa() == Isa::kAvx2) return Avx2();
#endif
  return Baseline();
}

double BestOf(int times, const std::function<void()>& run) {
  double best = Estimate(run);
  for (int i = 1; i < times; ++i) best = std::min(best, Estimate(run));
  return best;
}

}  // namespace

double RunFusedMultiplyAdds(Team& team) {
  std::vector<double> operations(static_cast<std::size_t>(team.size()));
  team.Run(team.size(),
           [&](std::int64_t i) { operations[static_cast<std::size_t>(i)] = OfThisMachine(); });
  return operations[0] * team.size();
}

Triad::Triad(std::size_t bytes)
    : n_(static_cast<std::int64_t>(bytes / sizeof(float) / 3)),
      a_(new float[static_cast<std::size_t>(n_)]()),
      b_(new float[static_cast<std::size_t>(n_)]()),
      c_(new float[static_cast<std::size_t>(n_)]()) {}

void Triad::Run(Team& team) {
  team.RunRanges(n_, 4096, [&](std::int64_t begin, std::int64_t end) {
    float* const a = a_.get();
    const float *const b = b_.get(), *const c = c_.get();
    for (std::int64_t i = begin; i < end; ++i) a[i] = b[i] + 3.0f * c[i];
  });
}

Peak MeasurePeak(int threads) {
  constexpr std::size_t kMoreThanCaches = std::size_t{192} << 20;
  Team team(threads);
  double operations = 0;
  // Over half a second: someone else may have the core for tenths of one.
  const double seconds = BestOf(50, [&] { operations = RunFusedMultiplyAdds(team); });
  Triad triad(kMoreThanCaches);
  const double moving = BestOf(2, [&] { triad.Run(team); });
  return {threads, operations / seconds * 1e-9, kMoreThanCaches / moving * 1e-9};
}

}  // namespace samebits
