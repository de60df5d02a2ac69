// cuBLAS, loaded when it is first asked for. Its row-major products are products of transposes.
#include <cublas_v2.h>
#include <dlfcn.h>

#include <stdexcept>
#include <string>
#include <type_traits>

#include <fmt/format.h>

#include "kernels/core/error.h"
#include "kernels/cuda/stream.h"
#include "kernels/dense/dense.h"
#include "kernels/exact/exact.h"

namespace samebits::comparators {
namespace {

struct Library {
  std::string missing;  // why it cannot be used
  decltype(&cublasCreate_v2) create = nullptr;
  decltype(&cublasSetStream_v2) set_stream = nullptr;
  decltype(&cublasSetMathMode) set_math = nullptr;
  decltype(&cublasSgemm_v2) multiply = nullptr;
};

const Library& TheLibrary() {
  static const Library library = [] {
    Library loaded;
    const std::string file = fmt::format("libcublas.so.{}", CUBLAS_VER_MAJOR);
    void* const handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    const auto find = [&](const char* name, auto& function) {
      using Function = std::remove_reference_t<decltype(function)>;
      if (handle != nullptr) function = reinterpret_cast<Function>(::dlsym(handle, name));
      if (function == nullptr) loaded.missing = fmt::format("{} is not installed", file);
    };
    find("cublasCreate_v2", loaded.create);
    find("cublasSetStream_v2", loaded.set_stream);
    find("cublasSetMathMode", loaded.set_math);
    find("cublasSgemm_v2", loaded.multiply);
    return loaded;
  }();
  return library;
}

void Check(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw std::runtime_error(fmt::format("cuBLAS: {}: status {}", what, static_cast<int>(status)));
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

template <cublasMath_t math>
void Multiply(const Product& p, const Buffers& buffers, DeviceStream& stream) {
  const Library& library = TheLibrary();
  const cublasHandle_t handle = Handle();
  Check(library.set_stream(handle, static_cast<cudaStream_t>(stream.handle())), "a stream");
  Check(library.set_math(handle, math), "an arithmetic");
  const auto form = [](bool transposed) { return transposed ? CUBLAS_OP_T : CUBLAS_OP_N; };
  const float one = 1.0f, zero = 0.0f;
  const auto size = [](std::int64_t extent) { return static_cast<int>(extent); };
  Check(library.multiply(handle, form(p.b_transposed), form(p.a_transposed), size(p.n), size(p.m),
                         size(p.k), &one, buffers.in(1), size(p.b_transposed ? p.k : p.n),
                         buffers.in(0), size(p.a_transposed ? p.m : p.k), &zero, buffers.out(0),
                         size(p.n)),
        "a product");
}

template <const Op* op, Product (*product_of)(const Case&), cublasMath_t math>
void RunProduct(const Case& c, const Buffers& buffers, Team&) {
  if (!TheLibrary().missing.empty()) throw UnavailableError(TheLibrary().missing);
  RunOnGpu(*op, c, buffers, [c](const Buffers& device, DeviceStream& stream) {
    Multiply<math>(product_of(c), device, stream);
  });
}

Product OfData(const Case& c) {
  const conv2d::Shape s = dense::ShapeOf(c);
  return {.m = s.n, .n = s.c, .k = s.k, .b_transposed = true};
}

Product OfWeights(const Case& c) {
  const conv2d::Shape s = dense::ShapeOf(c);
  return {.m = s.c, .n = s.k, .k = s.n, .a_transposed = true};
}

Product Plain(const Case& c) {
  const exact::Shape s = exact::ShapeOf(c);
  return {.m = s.n, .n = s.k, .k = s.c};
}

constexpr cublasMath_t kTensorFloat32 = CUBLAS_TF32_TENSOR_OP_MATH;
// Each factor as three bfloat16 numbers.
constexpr cublasMath_t kEmulated = CUBLAS_FP32_EMULATED_BF16X9_MATH;
constexpr cublasMath_t kBinary32 = CUBLAS_DEFAULT_MATH;

}  // namespace

namespace cublas {
void DenseDataGradient(const Case& c, const Buffers& b, Team& t) {
  RunProduct<&dense::kDataGradient, OfData, kBinary32>(c, b, t);
}
void DenseWeightGradient(const Case& c, const Buffers& b, Team& t) {
  RunProduct<&dense::kWeightGradient, OfWeights, kBinary32>(c, b, t);
}
void DenseProduct(const Case& c, const Buffers& b, Team& t) {
  RunProduct<&exact::kProduct, Plain, kBinary32>(c, b, t);
}
}  // namespace cublas

namespace cublas_tf32 {
void DenseDataGradient(const Case& c, const Buffers& b, Team& t) {
  RunProduct<&dense::kDataGradient, OfData, kTensorFloat32>(c, b, t);
}
void DenseWeightGradient(const Case& c, const Buffers& b, Team& t) {
  RunProduct<&dense::kWeightGradient, OfWeights, kTensorFloat32>(c, b, t);
}
void DenseProduct(const Case& c, const Buffers& b, Team& t) {
  RunProduct<&exact::kProduct, Plain, kTensorFloat32>(c, b, t);
}
}  // namespace cublas_tf32

namespace cublas_bf16x9 {
void DenseDataGradient(const Case& c, const Buffers& b, Team& t) {
  RunProduct<&dense::kDataGradient, OfData, kEmulated>(c, b, t);
}
void DenseWeightGradient(const Case& c, const Buffers& b, Team& t) {
  RunProduct<&dense::kWeightGradient, OfWeights, kEmulated>(c, b, t);
}
void DenseProduct(const Case& c, const Buffers& b, Team& t) {
  RunProduct<&exact::kProduct, Plain, kEmulated>(c, b, t);
}
}  // namespace cublas_bf16x9

}  // namespace samebits::comparators
