/* A kernel of one's own, for `samebits check`: the forward pass of a dense layer.
 *
 *   cc -O2 -ffp-contract=off -shared -fPIC -I include tools/examples/dense.c -lm -o libmine.so
 *   build/bin/samebits check ./libmine.so
 *
 * Built with -DONE_LONG_CHAIN it adds in another order, as most kernels do, and the check fails
 * and says so.
 */
#include <math.h>

#include "samebits/kernel.h"

#ifdef ONE_LONG_CHAIN
#define CHAIN INT64_MAX
#define NAME "wrong"
#else
#define CHAIN 256
#define NAME "mine"
#endif

enum { kChainsPerSegment = 16, kDeepestTree = 40 };

/* Chains of fused multiply-adds, 16 of them a segment, and a tree over the segments. */
static float dot(const float* x, const float* w, int64_t stride, int64_t count) {
  float levels[kDeepestTree];
  int64_t segments = 0, i = 0;
  while (i < count) {
    float segment = 0.0f;
    for (int chain = 0; chain < kChainsPerSegment && i < count; ++chain) {
      const int64_t end = count - i < CHAIN ? count : i + CHAIN;
      float sum = 0.0f;
      for (; i < end; ++i) sum = fmaf(x[i], w[i * stride], sum);
      segment = chain == 0 ? sum : segment + sum;
    }
    int level = 0;
    for (int64_t n = segments; n & 1; n >>= 1) segment = levels[level++] + segment;
    levels[level] = segment;
    ++segments;
  }
  float result = 0.0f;
  int found = 0;
  for (int level = 0; segments >> level; ++level) {
    if (!(segments >> level & 1)) continue;
    result = found ? levels[level] + result : levels[level];
    found = 1;
  }
  return result + 0.0f; /* no sum is -0 */
}

static int32_t forward(const samebits_call* call) {
  const float *x = call->inputs[0].data, *w = call->inputs[1].data, *bias = call->inputs[2].data;
  float* y = call->outputs[0].data;
  const int64_t n = call->setting(call, "n", 0), c = call->setting(call, "c", 0),
                k = call->setting(call, "k", 0);
  const int relu = call->has_word(call, "relu");
  for (int64_t sample = 0; sample < n; ++sample) {
    for (int64_t o = 0; o < k; ++o) {
      const float sum = dot(x + sample * c, w + o, k, c) + bias[o];
      y[sample * k + o] = relu && !(sum > 0.0f || sum != sum) ? 0.0f : sum; /* NaN stays */
    }
  }
  return 0;
}

const samebits_kernel* samebits_kernels(int32_t samebits_interface) {
  static const samebits_kernel kernels[] = {{"dense_fwd_v1", NAME, forward}, {0}};
  return samebits_interface == SAMEBITS_INTERFACE ? kernels : 0;
}
