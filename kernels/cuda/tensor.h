// Products of a GPU's tensor cores, of which a warp holds the factors. Included by .cu files.
#pragma once

#include "kernels/cuda/device.h"

namespace samebits::SAMEBITS_GPU {
namespace {

// PTX's mma.m16n8k32 of signed bytes: sum[16 x 8] += a[16 x 32] * b[32 x 8], in 32 bits. Lane 4 g +
// t holds, four terms to a word,
//   a[0], a[1]: rows g and g + 8, terms 4 t to 4 t + 3;  a[2], a[3]: the same, terms 16 further on
//   b[0]: column g, terms 4 t to 4 t + 3;  b[1]: 16 further on
//   sum[0], sum[1]: row g, columns 2 t and 2 t + 1;  sum[2], sum[3]: row g + 8
enum : int { kTensorRows = 16, kTensorColumns = 8, kTensorTerms = 32 };

// The factors that every lane of the warp holds, while it lives; all lanes make one at a time.
// `Own` is what one lane holds, a_of(own) and b_of(own) name one product's part of it.
#if defined(__CUDACC__)

template <class Own>
class TensorFactors {
 public:
  __device__ explicit TensorFactors(const Own& own) : own_(own) {}

  template <class A, class B>
  __device__ void MultiplyAdd(const A& a_of, const B& b_of, int (&sum)[4]) const {
    const unsigned(&a)[4] = a_of(own_);
    const unsigned(&b)[2] = b_of(own_);
    asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+r"(sum[0]), "+r"(sum[1]), "+r"(sum[2]), "+r"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }

 private:
  const Own& own_;
};

#else

template <class Own>
class TensorFactors {
 public:
  explicit TensorFactors(const Own& own) {
    const std::uint64_t* const given =
        emulator::Exchange(~0U, reinterpret_cast<std::uintptr_t>(&own));
    for (int lane = 0; lane < emulator::kWarp; ++lane) {
      lanes_[lane] = reinterpret_cast<const Own*>(static_cast<std::uintptr_t>(given[lane]));
    }
  }
  // No lane goes on to other factors before all have used these.
  ~TensorFactors() { __syncwarp(); }

  template <class A, class B>
  void MultiplyAdd(const A& a_of, const B& b_of, int (&sum)[4]) const {
    const int g = emulator::Lane() / 4, t = emulator::Lane() % 4;
    for (int of_row = 0; of_row < 4; ++of_row) {
      const unsigned(&a)[4] = a_of(*lanes_[g * 4 + of_row]);
      for (int column = 0; column < 2; ++column) {
        const unsigned(&b)[2] = b_of(*lanes_[(t * 2 + column) * 4 + of_row]);
        sum[column] += Bytes(a[0], b[0]) + Bytes(a[2], b[1]);
        sum[2 + column] += Bytes(a[1], b[0]) + Bytes(a[3], b[1]);
      }
    }
  }

 private:
  static int Bytes(unsigned a, unsigned b) {
    int sum = 0;
    for (int bit = 0; bit < 32; bit += 8) {
      sum += static_cast<signed char>(a >> bit) * static_cast<signed char>(b >> bit);
    }
    return sum;
  }

  const Own* lanes_[emulator::kWarp];
};

#endif

}  // namespace
}  // namespace samebits::SAMEBITS_GPU
