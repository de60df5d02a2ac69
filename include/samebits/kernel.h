/* Your kernel under samebits' gate: the C interface of `samebits check ./libmine.so`.
 *
 * The library exports samebits_kernels(), which lists what it holds. Each kernel is then run on
 * every case of its operation, with any number of threads, on tensors at odd addresses, in pieces
 * of the batch, ...; its bits must be the golden's. The order of operations behind them is the
 * contract: golden/README.md, and the operation's header. tools/examples/dense.c is a whole one.
 * Tensors that a case stores in 16 bits are widened for it and narrowed behind it.
 */
#ifndef SAMEBITS_KERNEL_H
#define SAMEBITS_KERNEL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when anything below changes its meaning or its layout. */
#define SAMEBITS_INTERFACE 1

enum samebits_type {
  SAMEBITS_FLOAT32 = 0,
  SAMEBITS_INT32 = 1,
  SAMEBITS_INT64 = 2,
  SAMEBITS_UINT8 = 3,
  SAMEBITS_UINT16 = 4
};

typedef struct samebits_tensor {
  const char* name;     /* as in the operation's definition: "x", "dy" */
  int32_t type;         /* enum samebits_type */
  int32_t rank;         /* extents in `shape` */
  const int64_t* shape; /* row-major */
  void* data;           /* aligned for one element, no more */
} samebits_tensor;

/* One call. All of it belongs to samebits, and lives as long as the call. Inputs are only read;
 * outputs hold anything before the call and have no bytes to spare around them. */
typedef struct samebits_call {
  const char* operation; /* "dense_fwd_v1" */
  const char* case_id;   /* "n64c64_k10_seed812" */
  int32_t threads;       /* how many the kernel may use */
  int32_t input_count;
  int32_t output_count;
  const samebits_tensor* inputs;
  const samebits_tensor* outputs;
  /* The number behind a setting of the case, "k"; `otherwise` where the case has none. */
  int64_t (*setting)(const struct samebits_call* call, const char* name, int64_t otherwise);
  /* Whether the case has a word, "relu": 1 or 0. */
  int32_t (*has_word)(const struct samebits_call* call, const char* word);
} samebits_call;

typedef struct samebits_kernel {
  const char* operation; /* whose contract it keeps: "dense_fwd_v1"; NULL ends the list */
  const char* name;      /* lower-case letters, digits and '_': "mine" */
  /* Writes every output and returns 0; anything else says that the kernel does not take the case,
   * which is then reported as unavailable. Called from one thread, with subnormals kept and
   * rounding to nearest even; threads of your own start with what you give them. */
  int32_t (*run)(const samebits_call* call);
} samebits_kernel;

/* What the library exports: its kernels, or NULL when it was not made for this interface. */
const samebits_kernel* samebits_kernels(int32_t samebits_interface);

#ifdef __cplusplus
}
#endif

#endif
