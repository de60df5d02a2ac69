// Other people's kernels, one row each. None promises the golden's bits: what theirs do on the axes
// is recorded, not failed. `run` where a library gives the same bits every time on one machine with
// the same settings; BLAS libraries promise nothing.
#include "kernels/activation/activation.h"
#include "kernels/comparators/cublas.h"
#include "kernels/comparators/cudnn.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/core/cpu.h"
#include "kernels/core/rows.h"
#include "kernels/cuda/stream.h"
#include "kernels/dense/dense.h"
#include "kernels/embedding/embedding.h"
#include "kernels/exact/exact.h"
#include "kernels/pool2d/pool2d.h"
#include "kernels/softmax/softmax.h"
#if SAMEBITS_HAVE_TRAINING
#include "model/train_op.h"
#endif

// Names of what is not built are weak: null, and never called, as the backend says why.
#if SAMEBITS_HAVE_LIBGOMP
#define SAMEBITS_LIBGOMP
#else
#define SAMEBITS_LIBGOMP [[gnu::weak]]
#endif
#if SAMEBITS_HAVE_ONEDNN
#define SAMEBITS_ONEDNN
#else
#define SAMEBITS_ONEDNN [[gnu::weak]]
#endif

namespace samebits::comparators {

namespace eigen {  // eigen.cc
SAMEBITS_LIBGOMP KernelFunction Conv2dForward, DenseForward, DenseDataGradient, DenseWeightGradient;
}
namespace openblas {  // blas.cc
SAMEBITS_LIBGOMP KernelFunction DenseForward, DenseDataGradient, DenseWeightGradient;
SAMEBITS_LIBGOMP std::string Missing();
}  // namespace openblas
namespace blis {  // blas.cc
SAMEBITS_LIBGOMP KernelFunction DenseForward, DenseDataGradient, DenseWeightGradient;
SAMEBITS_LIBGOMP std::string Missing();
}  // namespace blis
namespace onednn {  // onednn.cc, onednn_train.cc
SAMEBITS_ONEDNN KernelFunction Conv2dForward, Conv2dDataGradient, Conv2dWeightGradient,
    DenseForward, DenseProduct, DenseDataGradient, DenseWeightGradient, MaxPoolForward,
    MaxPoolBackward, MaxPoolArgmaxForward, MaxPoolArgmaxBackward, AveragePoolForward,
    AveragePoolBackward, ReluForward, ReluBackward, SoftmaxForward, SoftmaxBackward, TrainCnn;
}  // namespace onednn

// atomics.cu, for GPUs and for the emulator.
namespace cuda {
void Conv2dWeightGradient(const conv2d::Shape&, const Buffers&, DeviceStream&);
void MaxPoolBackward(const pool2d::Shape&, const Buffers&, DeviceStream&);
void EmbeddingBackward(const embedding::Shape&, const Buffers&, DeviceStream&);
void CubColumnSums(const conv2d::Shape&, const Buffers&, DeviceStream&);  // cub.cu, for GPUs only
void CubGlobalAverageForward(const pool2d::Shape&, const Buffers&, DeviceStream&);
}  // namespace cuda
namespace cuda_emulated {
void Conv2dWeightGradient(const conv2d::Shape&, const Buffers&, DeviceStream&);
void MaxPoolBackward(const pool2d::Shape&, const Buffers&, DeviceStream&);
void EmbeddingBackward(const embedding::Shape&, const Buffers&, DeviceStream&);
}  // namespace cuda_emulated

using enum CublasArithmetic;
using enum CudnnEngines;

template <const Op* op, CublasArithmetic arithmetic>
void Cublas(const Case& c, const Buffers& buffers, Team&) {
  RunCublas(*op, arithmetic, c, buffers);
}

template <const Op* op, CudnnEngines engines>
void Cudnn(const Case& c, const Buffers& buffers, Team&) {
  RunCudnnConvolution(*op, engines, c, buffers);
}

template <const Op* op, bool deterministic = true>
void CudnnLayer(const Case& c, const Buffers& buffers, Team&) {
  RunCudnnLayer(*op, deterministic, c, buffers);
}

constexpr std::string_view kNoLibgomp = "built without libgomp, which needs g++ on x86-64";

std::string EigenUnavailable() {
#if SAMEBITS_HAVE_LIBGOMP
  // eigen.cc is built for AVX2, as a user of Eigen would for this kind of machine.
  return kCpuAvx2.unavailable();
#else
  return std::string(kNoLibgomp);
#endif
}

// BLAS libraries are loaded when they are first asked for.
template <std::string (*missing)()>
std::string BlasUnavailable() {
#if SAMEBITS_HAVE_LIBGOMP
  return missing();
#else
  return std::string(kNoLibgomp);
#endif
}

std::string OneDnnUnavailable() {
#if SAMEBITS_HAVE_ONEDNN
  return {};
#else
  return "built without oneDNN, which was not found, or not by g++ with its libgomp";
#endif
}

std::string_view OneDnnIsa(int bits) {
  return bits >= 512   ? "ONEDNN_MAX_CPU_ISA=AVX512_CORE"
         : bits >= 256 ? "ONEDNN_MAX_CPU_ISA=AVX2"
                       : "ONEDNN_MAX_CPU_ISA=SSE41";
}
std::string_view OpenBlasIsa(int bits) {
  return bits >= 512   ? "OPENBLAS_CORETYPE=SkylakeX"
         : bits >= 256 ? "OPENBLAS_CORETYPE=Haswell"
                       : "OPENBLAS_CORETYPE=Nehalem";
}
// Skylake-X, Haswell and Penryn by their numbers in BLIS 0.9 (its arch_t), which knows no names.
std::string_view BlisIsa(int bits) {
  return bits >= 512 ? "BLIS_ARCH_TYPE=0" : bits >= 256 ? "BLIS_ARCH_TYPE=3" : "BLIS_ARCH_TYPE=5";
}

constexpr Backend kEigen{"eigen", EigenUnavailable},
    kOneDnn{"onednn", OneDnnUnavailable, OneDnnIsa},
    kOpenBlas{"openblas", BlasUnavailable<openblas::Missing>, OpenBlasIsa},
    kBlis{"blis", BlasUnavailable<blis::Missing>, BlisIsa};

constexpr auto kNone = Claim::kNone, kRun = Claim::kRun;

constexpr Kernel kRows[] = {
    {&conv2d::kForward, "onednn", &kOneDnn, kRun, onednn::Conv2dForward},
    {&conv2d::kForward, "eigen", &kEigen, kRun, eigen::Conv2dForward},
    {&conv2d::kDataGradient, "onednn", &kOneDnn, kRun, onednn::Conv2dDataGradient},
    {&conv2d::kWeightGradient, "onednn", &kOneDnn, kRun, onednn::Conv2dWeightGradient},

    {&dense::kForward, "onednn", &kOneDnn, kRun, onednn::DenseForward},
    {&dense::kForward, "eigen", &kEigen, kRun, eigen::DenseForward},
    {&dense::kForward, "openblas", &kOpenBlas, kNone, openblas::DenseForward},
    {&dense::kForward, "blis", &kBlis, kNone, blis::DenseForward},
    {&dense::kDataGradient, "onednn", &kOneDnn, kRun, onednn::DenseDataGradient},
    {&dense::kDataGradient, "eigen", &kEigen, kRun, eigen::DenseDataGradient},
    {&dense::kDataGradient, "openblas", &kOpenBlas, kNone, openblas::DenseDataGradient},
    {&dense::kDataGradient, "blis", &kBlis, kNone, blis::DenseDataGradient},
    {&dense::kWeightGradient, "onednn", &kOneDnn, kRun, onednn::DenseWeightGradient},
    {&dense::kWeightGradient, "eigen", &kEigen, kRun, eigen::DenseWeightGradient},
    {&dense::kWeightGradient, "openblas", &kOpenBlas, kNone, openblas::DenseWeightGradient},
    {&dense::kWeightGradient, "blis", &kBlis, kNone, blis::DenseWeightGradient},

    // Of binary32: what the exact tier costs.
    {&exact::kProduct, "onednn", &kOneDnn, kRun, onednn::DenseProduct},

    {&pool2d::kMaxForward, "onednn", &kOneDnn, kRun, onednn::MaxPoolForward},
    {&pool2d::kMaxBackward, "onednn", &kOneDnn, kRun, onednn::MaxPoolBackward},
    {&pool2d::kMaxArgmaxForward, "onednn", &kOneDnn, kRun, onednn::MaxPoolArgmaxForward},
    {&pool2d::kMaxArgmaxBackward, "onednn", &kOneDnn, kRun, onednn::MaxPoolArgmaxBackward},
    {&pool2d::kAverageForward, "onednn", &kOneDnn, kRun, onednn::AveragePoolForward},
    {&pool2d::kAverageBackward, "onednn", &kOneDnn, kRun, onednn::AveragePoolBackward},
    // An average over the whole image, which is what the case's window is.
    {&pool2d::kGlobalAverageForward, "onednn", &kOneDnn, kRun, onednn::AveragePoolForward},
    {&pool2d::kGlobalAverageBackward, "onednn", &kOneDnn, kRun, onednn::AveragePoolBackward},

    {&activation::kReluForward, "onednn", &kOneDnn, kRun, onednn::ReluForward},
    {&activation::kReluBackward, "onednn", &kOneDnn, kRun, onednn::ReluBackward},
    {&softmax::kForward, "onednn", &kOneDnn, kRun, onednn::SoftmaxForward},
    {&softmax::kBackward, "onednn", &kOneDnn, kRun, onednn::SoftmaxBackward},

    // The GPU's libraries: in binary32, with factors cut to TensorFloat-32, and with each factor as
    // three bfloat16 numbers, of which nothing is promised.
    {&dense::kForward, "cublas", &kCuda, kRun, Cublas<&dense::kForward, kBinary32>},
    {&dense::kForward, "cublas_tf32", &kCuda, kRun, Cublas<&dense::kForward, kTensorFloat32>},
    {&dense::kForward, "cublas_bf16x9", &kCuda, kNone, Cublas<&dense::kForward, kEmulated>},
    {&dense::kDataGradient, "cublas", &kCuda, kRun, Cublas<&dense::kDataGradient, kBinary32>},
    {&dense::kDataGradient, "cublas_tf32", &kCuda, kRun,
     Cublas<&dense::kDataGradient, kTensorFloat32>},
    {&dense::kDataGradient, "cublas_bf16x9", &kCuda, kNone,
     Cublas<&dense::kDataGradient, kEmulated>},
    {&dense::kWeightGradient, "cublas", &kCuda, kRun, Cublas<&dense::kWeightGradient, kBinary32>},
    {&dense::kWeightGradient, "cublas_tf32", &kCuda, kRun,
     Cublas<&dense::kWeightGradient, kTensorFloat32>},
    {&dense::kWeightGradient, "cublas_bf16x9", &kCuda, kNone,
     Cublas<&dense::kWeightGradient, kEmulated>},
    {&exact::kProduct, "cublas", &kCuda, kRun, Cublas<&exact::kProduct, kBinary32>},
    {&exact::kProduct, "cublas_tf32", &kCuda, kRun, Cublas<&exact::kProduct, kTensorFloat32>},
    {&exact::kProduct, "cublas_bf16x9", &kCuda, kNone, Cublas<&exact::kProduct, kEmulated>},

    // By the fastest engine of all, of the deterministic ones, of those without tensor cores, and
    // of those that say that their bits move.
    {&conv2d::kForward, "cudnn", &kCuda, kNone, Cudnn<&conv2d::kForward, kAny>},
    {&conv2d::kForward, "cudnn_deterministic", &kCuda, kRun,
     Cudnn<&conv2d::kForward, kDeterministic>},
    {&conv2d::kForward, "cudnn_binary32", &kCuda, kRun,
     Cudnn<&conv2d::kForward, kDeterministicBinary32>},
    {&conv2d::kDataGradient, "cudnn", &kCuda, kNone, Cudnn<&conv2d::kDataGradient, kAny>},
    {&conv2d::kDataGradient, "cudnn_deterministic", &kCuda, kRun,
     Cudnn<&conv2d::kDataGradient, kDeterministic>},
    {&conv2d::kDataGradient, "cudnn_binary32", &kCuda, kRun,
     Cudnn<&conv2d::kDataGradient, kDeterministicBinary32>},
    {&conv2d::kDataGradient, "cudnn_nondeterministic", &kCuda, kNone,
     Cudnn<&conv2d::kDataGradient, kNondeterministic>},
    {&conv2d::kWeightGradient, "cudnn", &kCuda, kNone, Cudnn<&conv2d::kWeightGradient, kAny>},
    {&conv2d::kWeightGradient, "cudnn_deterministic", &kCuda, kRun,
     Cudnn<&conv2d::kWeightGradient, kDeterministic>},
    {&conv2d::kWeightGradient, "cudnn_binary32", &kCuda, kRun,
     Cudnn<&conv2d::kWeightGradient, kDeterministicBinary32>},
    {&conv2d::kWeightGradient, "cudnn_nondeterministic", &kCuda, kNone,
     Cudnn<&conv2d::kWeightGradient, kNondeterministic>},

    {&pool2d::kMaxForward, "cudnn", &kCuda, kRun, CudnnLayer<&pool2d::kMaxForward>},
    {&pool2d::kMaxBackward, "cudnn", &kCuda, kNone, CudnnLayer<&pool2d::kMaxBackward, false>},
    {&pool2d::kMaxBackward, "cudnn_deterministic", &kCuda, kRun, CudnnLayer<&pool2d::kMaxBackward>},
    {&pool2d::kAverageForward, "cudnn", &kCuda, kRun, CudnnLayer<&pool2d::kAverageForward>},
    {&pool2d::kAverageBackward, "cudnn", &kCuda, kRun, CudnnLayer<&pool2d::kAverageBackward>},
    {&pool2d::kGlobalAverageForward, "cudnn", &kCuda, kRun,
     CudnnLayer<&pool2d::kGlobalAverageForward>},
    {&pool2d::kGlobalAverageBackward, "cudnn", &kCuda, kRun,
     CudnnLayer<&pool2d::kGlobalAverageBackward>},
    {&activation::kReluForward, "cudnn", &kCuda, kRun, CudnnLayer<&activation::kReluForward>},
    {&activation::kReluBackward, "cudnn", &kCuda, kRun, CudnnLayer<&activation::kReluBackward>},
    {&softmax::kForward, "cudnn", &kCuda, kRun, CudnnLayer<&softmax::kForward>},
    {&softmax::kBackward, "cudnn", &kCuda, kRun, CudnnLayer<&softmax::kBackward>},

    // A sum over rows by CUB, which promises one device's bits from run to run.
    {&conv2d::kBiasGradient, "cub", &kCuda, kRun,
     OnGpu<&conv2d::kBiasGradient, conv2d::ShapeOf, cuda::CubColumnSums>},
    {&dense::kBiasGradient, "cub", &kCuda, kRun,
     OnGpu<&dense::kBiasGradient, dense::ShapeOf, cuda::CubColumnSums>},
    {&pool2d::kGlobalAverageForward, "cub", &kCuda, kRun,
     OnGpu<&pool2d::kGlobalAverageForward, pool2d::ShapeOf, cuda::CubGlobalAverageForward>},

    // Sums by atomics; on the emulator the axis schedule shows that their bits move.
    {&conv2d::kWeightGradient, "atomic", &kCuda, kNone,
     OnGpu<&conv2d::kWeightGradient, conv2d::ShapeOf, cuda::Conv2dWeightGradient>},
    {&conv2d::kWeightGradient, "atomic_emulated", &kCudaEmulated, kNone,
     OnEmulator<conv2d::ShapeOf, cuda_emulated::Conv2dWeightGradient>},
    {&pool2d::kMaxBackward, "atomic", &kCuda, kNone,
     OnGpu<&pool2d::kMaxBackward, pool2d::ShapeOf, cuda::MaxPoolBackward>},
    {&pool2d::kMaxBackward, "atomic_emulated", &kCudaEmulated, kNone,
     OnEmulator<pool2d::ShapeOf, cuda_emulated::MaxPoolBackward>},
    {&embedding::kBackward, "atomic", &kCuda, kNone,
     OnGpu<&embedding::kBackward, embedding::ShapeOf, cuda::EmbeddingBackward>},
    {&embedding::kBackward, "atomic_emulated", &kCudaEmulated, kNone,
     OnEmulator<embedding::ShapeOf, cuda_emulated::EmbeddingBackward>},

#if SAMEBITS_HAVE_TRAINING  // a cross build has no such operation
    {&kTrainCnn, "onednn", &kOneDnn, kRun, onednn::TrainCnn},
#endif
};

}  // namespace samebits::comparators

std::span<const samebits::Kernel> samebits::rows::Comparators() { return comparators::kRows; }
