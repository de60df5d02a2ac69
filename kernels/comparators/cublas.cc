// cuBLAS, loaded when it is first asked for. Its row-major products are products of transposes.
#include "kernels/comparators/cublas.h"

#include <cublas_v2.h>

#include <string>

#include <fmt/format.h>

#include "kernels/comparators/layout.h"
#include "kernels/comparators/shared_library.h"
#include "kernels/core/error.h"
#include "kernels/cuda/stream.h"
#include "kernels/dense/dense.h"
#include "kernels/exact/exact.h"

namespace samebits::comparators {
namespace {

struct Library : SharedLibrary {
  Library() : SharedLibrary(fmt::format("libcublas.so.{}", CUBLAS_VER_MAJOR)) {}

  decltype(&cublasCreate_v2) create = Find("cublasCreate_v2");
  decltype(&cublasSetStream_v2) set_stream = Find("cublasSetStream_v2");
  decltype(&cublasSetMathMode) set_math = Find("cublasSetMathMode");
  decltype(&cublasSgemm_v2) multiply = Find("cublasSgemm_v2");
};

const Library& TheLibrary() {
  static const Library library;
  return library;
}

// Throws UnavailableError: a library that fails at a case proves nothing against other kernels.
void Check(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw UnavailableError(fmt::format("cuBLAS: {}: status {}", what, static_cast<int>(status)));
}

// A thread's own: handles are not shared.
cublasHandle_t Handle() {
  thread_local cublasHandle_t handle = nullptr;
  if (handle == nullptr) Check(TheLibrary().create(&handle), "a handle");
  return handle;
}

// y[m,n] = a[m,k] * b[k,n], each as it lies or transposed.
struct Product {
  std::int64_t m, n, k;
  bool a_transposed = false, b_transposed = false;
};

Product ProductOf(const Op& op, const Case& c) {
  if (&op == &exact::kProduct) {
    const exact::Shape s = exact::ShapeOf(c);
    return {.m = s.n, .n = s.k, .k = s.c};
  }
  const conv2d::Shape s = dense::ShapeOf(c);
  if (&op == &dense::kForward) return {.m = s.n, .n = s.k, .k = s.c};
  if (&op == &dense::kDataGradient) return {.m = s.n, .n = s.c, .k = s.k, .b_transposed = true};
  return {.m = s.c, .n = s.k, .k = s.n, .a_transposed = true};
}

cublasMath_t ModeOf(CublasArithmetic arithmetic) {
  switch (arithmetic) {
    case CublasArithmetic::kTensorFloat32:
      return CUBLAS_TF32_TENSOR_OP_MATH;
    case CublasArithmetic::kEmulated:
      return CUBLAS_FP32_EMULATED_BF16X9_MATH;
    case CublasArithmetic::kBinary32:
      break;
  }
  return CUBLAS_DEFAULT_MATH;
}

void Multiply(const Product& p, cublasMath_t mode, const Buffers& buffers, DeviceStream& stream) {
  const Library& library = TheLibrary();
  const cublasHandle_t handle = Handle();
  Check(library.set_stream(handle, static_cast<cudaStream_t>(stream.handle())), "a stream");
  Check(library.set_math(handle, mode), "an arithmetic");
  const auto form = [](bool transposed) { return transposed ? CUBLAS_OP_T : CUBLAS_OP_N; };
  const float one = 1.0f, zero = 0.0f;
  const auto size = [](std::int64_t extent) { return static_cast<int>(extent); };
  Check(library.multiply(handle, form(p.b_transposed), form(p.a_transposed), size(p.n), size(p.m),
                         size(p.k), &one, buffers.in(1), size(p.b_transposed ? p.k : p.n),
                         buffers.in(0), size(p.a_transposed ? p.m : p.k), &zero, buffers.out(0),
                         size(p.n)),
        "a product");
}

}  // namespace

void RunCublas(const Op& op, CublasArithmetic arithmetic, const Case& c, const Buffers& buffers) {
  TheLibrary().Require();
  RunOnGpu(op, c, buffers, [&op, c, arithmetic](const Buffers& device, DeviceStream& stream) {
    const Product product = ProductOf(op, c);
    Multiply(product, ModeOf(arithmetic), device, stream);
    if (&op == &dense::kForward) {
      cuda::AddBias(product.m, product.n, device.in(2), dense::ShapeOf(c).relu, device.out(0),
                    stream);
    }
  });
}

}  // namespace samebits::comparators
