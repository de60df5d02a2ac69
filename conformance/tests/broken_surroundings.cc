// Right arithmetic in wrong surroundings: flush to zero, tails, threads, state kept between calls,
// memory that holds or is aligned as hoped.
#include <atomic>
#include <cfenv>
#include <cstdlib>

#include "conformance/sums.h"
#include "conformance/tests/broken_kernels.h"
#include "kernels/activation/activation.h"
#include "kernels/adam/adam.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/core/cpu.h"
#include "kernels/core/floating_point.h"
#include "kernels/core/scratch.h"
#include "kernels/core/team.h"
#include "kernels/dense/dense.h"
#include "kernels/dropout/dropout.h"
#include "kernels/pool2d/pool2d.h"
#include "kernels/softmax/softmax.h"

namespace samebits {

namespace conv2d::reference {
KernelFunction Forward, DataGradient, WeightGradient, BiasGradient;
}
namespace dense::reference {
KernelFunction Forward, DataGradient, WeightGradient, BiasGradient;
}
namespace pool2d::reference {
KernelFunction MaxForward, MaxBackward, GlobalAverageForward, GlobalAverageBackward;
}
namespace activation::reference {
KernelFunction ReluForward, ReluBackward, Exp, Log;
}
namespace softmax::reference {
KernelFunction CrossEntropyForward, CrossEntropyBackward;
}
namespace dropout::reference {
KernelFunction Apply;
}
namespace adam::reference {
KernelFunction Update;
}

namespace {

// samebits::Run gives the former state back.
template <KernelFunction* right>
void Flushed(const Case& id, const Buffers& buffers, Team& team) {
  SetFloatingPointControl(*ForeignControl(FE_TONEAREST, true));
  right(id, buffers, team);
}

// Whole blocks of eight, and no tail.
void TailLeftOut(const Case& id, const Buffers& buffers, Team&) {
  for (std::int64_t i = 0; i < id.Get("n") / 8 * 8; ++i) {
    const float x = buffers.in(0)[i];
    buffers.out(0)[i] = x > 0.0f || x != x ? x : 0.0f;
  }
}

void LastElementLeftOut(const Case& id, const Buffers& buffers, Team& team) {
  const conv2d::Shape s = dense::ShapeOf(id);
  const float before = buffers.out(0)[s.n * s.k - 1];
  dense::reference::Forward(id, buffers, team);
  buffers.out(0)[s.n * s.k - 1] = before;
}

// Reads one input too many, the first of the next sample (the last sample's is not there).
void OneTermTooMany(const Case& id, const Buffers& buffers, Team&) {
  const conv2d::Shape s = dense::ShapeOf(id);
  for (std::int64_t i = 0; i < s.n * s.k; ++i) {
    const std::int64_t n = i / s.k, o = i % s.k;
    Dot dot;
    for (std::int64_t k = 0; k < s.c; ++k) {
      dot.Fma(buffers.in(0)[n * s.c + k], buffers.in(1)[k * s.k + o]);
    }
    if (n + 1 < s.n) dot.Fma(buffers.in(0)[(n + 1) * s.c], buffers.in(1)[o]);
    const float sum = dot.Result() + buffers.in(2)[o];
    buffers.out(0)[i] = s.relu && sum < 0.0f ? 0.0f : sum;
  }
}

// Writes whole vectors of eight: the lanes past a row's end land in the next row, which another
// thread has finished already. Nothing is written past the tensor.
void TailOverrun(const Case& id, const Buffers& buffers, Team& team) {
  const conv2d::Shape s = dense::ShapeOf(id);
  dense::reference::Forward(id, buffers, team);
  for (std::int64_t n = 1; n < s.n; ++n) {
    for (std::int64_t j = s.k; j % 8 != 0; ++j) {
      const std::int64_t past = (n - 1) * s.k + j;
      if (past < s.n * s.k) buffers.out(0)[past] = 0.0f;
    }
  }
}

// The terms of output i, and as many as whole vectors of eight need, given by x(k) and w(k).
template <class X, class W>
float WholeVectors(const conv2d::Shape& s, const Buffers& buffers, std::int64_t i, const X& x,
                   const W& w) {
  Dot dot;
  for (std::int64_t k = 0; k < (s.c + 7) / 8 * 8; ++k) dot.Fma(x(k), w(k));
  const float sum = dot.Result() + buffers.in(2)[i % s.k];
  return s.relu && sum < 0.0f ? 0.0f : sum;
}

// Lanes past a row's end are multiplied by zeros, not left out: behind the last row lies anything.
void TailReadBehind(const Case& id, const Buffers& buffers, Team&) {
  const conv2d::Shape s = dense::ShapeOf(id);
  for (std::int64_t i = 0; i < s.n * s.k; ++i) {
    buffers.out(0)[i] = WholeVectors(
        s, buffers, i, [&](std::int64_t k) { return buffers.in(0)[i / s.k * s.c + k]; },
        [&](std::int64_t k) { return k < s.c ? buffers.in(1)[k * s.k + i % s.k] : 0.0f; });
  }
}

// Packs weights into whole vectors, whose tails hold what was there before: also times zeros.
void TailOfScratch(const Case& id, const Buffers& buffers, Team&) {
  const conv2d::Shape s = dense::ShapeOf(id);
  float* const packed = Scratch(ScratchSlot::kPlaces, s.c + 7);
  for (std::int64_t i = 0; i < s.n * s.k; ++i) {
    for (std::int64_t k = 0; k < s.c; ++k) packed[k] = buffers.in(1)[k * s.k + i % s.k];
    buffers.out(0)[i] = WholeVectors(
        s, buffers, i,
        [&](std::int64_t k) { return k < s.c ? buffers.in(0)[i / s.k * s.c + k] : 0.0f; },
        [&](std::int64_t k) { return packed[k]; });
  }
}

// Begins at the last address of 16-byte alignment: x's own, where x is aligned.
void AlignmentTaken(const Case& id, const Buffers& buffers, Team& team) {
  Buffers aligned = buffers;
  aligned.inputs[0] =
      buffers.in<std::byte>(0) - reinterpret_cast<std::uintptr_t>(buffers.in(0)) % 16;
  activation::reference::ReluForward(id, aligned, team);
}

// A constant read from text: with a decimal comma the half is none.
void ConstantFromText(const Case& id, const Buffers& buffers, Team& team) {
  activation::reference::ReluForward(id, buffers, team);
  const float one = std::strtof("0.5", nullptr) + 0.5f;
  for (std::int64_t i = 0; i < id.Get("n"); ++i) buffers.out(0)[i] *= one;
}

// As many partial sums as threads.
void SplitByThreads(const Case& id, const Buffers& buffers, Team& team) {
  const conv2d::Shape s = dense::ShapeOf(id);
  for (std::int64_t i = 0; i < s.n * s.k; ++i) {
    Sums parts;
    for (std::int64_t part = 0; part < team.size(); ++part) {
      Dot dot;
      const std::int64_t end = (part + 1) * s.c / team.size();
      for (std::int64_t k = part * s.c / team.size(); k < end; ++k) {
        dot.Fma(buffers.in(0)[i / s.k * s.c + k], buffers.in(1)[k * s.k + i % s.k]);
      }
      parts.push_back(dot.Result());
    }
    const float sum = LeftToRight(parts) + buffers.in(2)[i % s.k];
    buffers.out(0)[i] = s.relu && sum < 0.0f ? 0.0f : sum;
  }
}

// Every second call is wrong: right the first time, like a buffer that nobody clears again.
void StateKept(const Case& id, const Buffers& buffers, Team& team) {
  static std::atomic<int> calls{0};
  activation::reference::ReluForward(id, buffers, team);
  if (calls++ % 2 == 1) buffers.out(0)[0] += 1.0f;
}

// Always as many leaves as usual: wrong for a worker that has only some of them.
void LeavesAssumed(const Case& id, const Buffers& buffers, Team& team) {
  const Case usual = id.Get("v", 0) == 0 ? id : id.With("v", kLeaves);
  dense::reference::WeightGradient(usual, buffers, team);
}

constexpr auto kAll = Claim::kEverywhere;

template <const Op& op, KernelFunction* right>
constexpr BrokenKernel kFlushed = {{&op, "subnormals_flushed", &kCpu, kAll, Flushed<right>}};

constexpr BrokenKernel kBroken[] = {
#if defined(__x86_64__) || defined(__aarch64__)
    kFlushed<conv2d::kForward, conv2d::reference::Forward>,
    kFlushed<conv2d::kDataGradient, conv2d::reference::DataGradient>,
    kFlushed<conv2d::kWeightGradient, conv2d::reference::WeightGradient>,
    kFlushed<conv2d::kBiasGradient, conv2d::reference::BiasGradient>,
    kFlushed<dense::kForward, dense::reference::Forward>,
    kFlushed<dense::kDataGradient, dense::reference::DataGradient>,
    kFlushed<dense::kWeightGradient, dense::reference::WeightGradient>,
    kFlushed<dense::kBiasGradient, dense::reference::BiasGradient>,
    kFlushed<pool2d::kMaxForward, pool2d::reference::MaxForward>,
    kFlushed<pool2d::kMaxBackward, pool2d::reference::MaxBackward>,
    kFlushed<pool2d::kGlobalAverageForward, pool2d::reference::GlobalAverageForward>,
    kFlushed<pool2d::kGlobalAverageBackward, pool2d::reference::GlobalAverageBackward>,
    kFlushed<activation::kReluForward, activation::reference::ReluForward>,
    kFlushed<activation::kReluBackward, activation::reference::ReluBackward>,
    kFlushed<activation::kExp, activation::reference::Exp>,
    kFlushed<activation::kLog, activation::reference::Log>,
    kFlushed<softmax::kCrossEntropyForward, softmax::reference::CrossEntropyForward>,
    kFlushed<softmax::kCrossEntropyBackward, softmax::reference::CrossEntropyBackward>,
    kFlushed<dropout::kForward, dropout::reference::Apply>,
    kFlushed<dropout::kBackward, dropout::reference::Apply>,
    kFlushed<adam::kUpdate, adam::reference::Update>,
#endif
    {{&activation::kReluForward, "tail_left_out", &kCpu, kAll, TailLeftOut}},
    {{&dense::kForward, "last_element_left_out", &kCpu, kAll, LastElementLeftOut}},
    {{&dense::kForward, "one_term_too_many", &kCpu, kAll, OneTermTooMany}},
    {{&dense::kForward, "tail_overrun", &kCpu, kAll, TailOverrun}},
    {{&dense::kForward, "tail_read_behind", &kCpu, kAll, TailReadBehind}},
    {{&dense::kForward, "tail_of_scratch", &kCpu, kAll, TailOfScratch}, "scratch", 2},
    {{&activation::kReluForward, "alignment_taken", &kCpu, kAll, AlignmentTaken}, "alignment", 1},
    {{&activation::kReluForward, "constant_from_text", &kCpu, kAll, ConstantFromText}, "locale", 2},
    {{&dense::kForward, "split_by_threads", &kCpu, kAll, SplitByThreads}, "threads", 2},
    {{&dense::kForward, "split_by_threads", &kCpu, kAll, SplitByThreads}, "threads", 7},
    {{&dense::kWeightGradient, "leaves_assumed", &kCpu, kAll, LeavesAssumed}, "workers", 2},
    {{&activation::kReluForward, "state_kept", &kCpu, kAll, StateKept}, "run", 2},
};

}  // namespace

std::span<const BrokenKernel> BrokenSurroundings() { return kBroken; }

}  // namespace samebits
