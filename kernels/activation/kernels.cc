// The kernels of the elementwise functions, one row each.
#include "kernels/activation/activation.h"
#include "kernels/core/cpu.h"
#include "kernels/core/rows.h"
#include "kernels/cuda/stream.h"

namespace samebits::activation {

namespace reference {  // reference.cc
KernelFunction ReluForward, ReluBackward, SigmoidForward, SigmoidBackward, TanhForward,
    TanhBackward, Exp, Log;
}
namespace baseline {  // portable.cc
KernelFunction ReluForward, ReluBackward, SigmoidForward, SigmoidBackward, TanhForward,
    TanhBackward, Exp, Log;
}
namespace avx2 {  // portable.cc, built with AVX2 and FMA
SAMEBITS_X86_64 KernelFunction ReluForward, ReluBackward, SigmoidForward, SigmoidBackward,
    TanhForward, TanhBackward, Exp, Log;
}
namespace avx512 {  // portable.cc, built with AVX-512
SAMEBITS_X86_64 KernelFunction ReluForward, ReluBackward, SigmoidForward, SigmoidBackward,
    TanhForward, TanhBackward, Exp, Log;
}

using GpuFunction = void(const Case&, const Buffers&, DeviceStream&);
namespace cuda {  // cuda.cu
GpuFunction ReluForward, ReluBackward, SigmoidForward, SigmoidBackward, TanhForward, TanhBackward,
    Exp, Log;
}
namespace cuda_emulated {  // cuda.cu, for the emulator
GpuFunction ReluForward, ReluBackward, SigmoidForward, SigmoidBackward, TanhForward, TanhBackward,
    Exp, Log;
}

constexpr auto kAll = Claim::kEverywhere;

constexpr Kernel kRows[] = {
    {&kReluForward, "reference", &kCpu, kAll, reference::ReluForward},
    {&kReluForward, "portable", &kCpu, kAll,
     Best<baseline::ReluForward, avx2::ReluForward, avx512::ReluForward>},
    {&kReluForward, "avx2", &kCpuAvx2, kAll, avx2::ReluForward},
    {&kReluForward, "avx512", &kCpuAvx512, kAll, avx512::ReluForward},
    {&kReluForward, "neon", &kCpuNeon, kAll, baseline::ReluForward},
    {&kReluForward, "cuda", &kCuda, kAll, OnGpu<&kReluForward, WholeCase, cuda::ReluForward>},
    {&kReluForward, "cuda_emulated", &kCudaEmulated, kAll,
     OnEmulator<WholeCase, cuda_emulated::ReluForward>},

    {&kReluBackward, "reference", &kCpu, kAll, reference::ReluBackward},
    {&kReluBackward, "portable", &kCpu, kAll,
     Best<baseline::ReluBackward, avx2::ReluBackward, avx512::ReluBackward>},
    {&kReluBackward, "avx2", &kCpuAvx2, kAll, avx2::ReluBackward},
    {&kReluBackward, "avx512", &kCpuAvx512, kAll, avx512::ReluBackward},
    {&kReluBackward, "neon", &kCpuNeon, kAll, baseline::ReluBackward},
    {&kReluBackward, "cuda", &kCuda, kAll, OnGpu<&kReluBackward, WholeCase, cuda::ReluBackward>},
    {&kReluBackward, "cuda_emulated", &kCudaEmulated, kAll,
     OnEmulator<WholeCase, cuda_emulated::ReluBackward>},

    {&kSigmoidForward, "reference", &kCpu, kAll, reference::SigmoidForward},
    {&kSigmoidForward, "portable", &kCpu, kAll,
     Best<baseline::SigmoidForward, avx2::SigmoidForward, avx512::SigmoidForward>},
    {&kSigmoidForward, "avx2", &kCpuAvx2, kAll, avx2::SigmoidForward},
    {&kSigmoidForward, "avx512", &kCpuAvx512, kAll, avx512::SigmoidForward},
    {&kSigmoidForward, "neon", &kCpuNeon, kAll, baseline::SigmoidForward},
    {&kSigmoidForward, "cuda", &kCuda, kAll,
     OnGpu<&kSigmoidForward, WholeCase, cuda::SigmoidForward>},
    {&kSigmoidForward, "cuda_emulated", &kCudaEmulated, kAll,
     OnEmulator<WholeCase, cuda_emulated::SigmoidForward>},

    {&kSigmoidBackward, "reference", &kCpu, kAll, reference::SigmoidBackward},
    {&kSigmoidBackward, "portable", &kCpu, kAll,
     Best<baseline::SigmoidBackward, avx2::SigmoidBackward, avx512::SigmoidBackward>},
    {&kSigmoidBackward, "avx2", &kCpuAvx2, kAll, avx2::SigmoidBackward},
    {&kSigmoidBackward, "avx512", &kCpuAvx512, kAll, avx512::SigmoidBackward},
    {&kSigmoidBackward, "neon", &kCpuNeon, kAll, baseline::SigmoidBackward},
    {&kSigmoidBackward, "cuda", &kCuda, kAll,
     OnGpu<&kSigmoidBackward, WholeCase, cuda::SigmoidBackward>},
    {&kSigmoidBackward, "cuda_emulated", &kCudaEmulated, kAll,
     OnEmulator<WholeCase, cuda_emulated::SigmoidBackward>},

    {&kTanhForward, "reference", &kCpu, kAll, reference::TanhForward},
    {&kTanhForward, "portable", &kCpu, kAll,
     Best<baseline::TanhForward, avx2::TanhForward, avx512::TanhForward>},
    {&kTanhForward, "avx2", &kCpuAvx2, kAll, avx2::TanhForward},
    {&kTanhForward, "avx512", &kCpuAvx512, kAll, avx512::TanhForward},
    {&kTanhForward, "neon", &kCpuNeon, kAll, baseline::TanhForward},
    {&kTanhForward, "cuda", &kCuda, kAll, OnGpu<&kTanhForward, WholeCase, cuda::TanhForward>},
    {&kTanhForward, "cuda_emulated", &kCudaEmulated, kAll,
     OnEmulator<WholeCase, cuda_emulated::TanhForward>},

    {&kTanhBackward, "reference", &kCpu, kAll, reference::TanhBackward},
    {&kTanhBackward, "portable", &kCpu, kAll,
     Best<baseline::TanhBackward, avx2::TanhBackward, avx512::TanhBackward>},
    {&kTanhBackward, "avx2", &kCpuAvx2, kAll, avx2::TanhBackward},
    {&kTanhBackward, "avx512", &kCpuAvx512, kAll, avx512::TanhBackward},
    {&kTanhBackward, "neon", &kCpuNeon, kAll, baseline::TanhBackward},
    {&kTanhBackward, "cuda", &kCuda, kAll, OnGpu<&kTanhBackward, WholeCase, cuda::TanhBackward>},
    {&kTanhBackward, "cuda_emulated", &kCudaEmulated, kAll,
     OnEmulator<WholeCase, cuda_emulated::TanhBackward>},

    {&kExp, "reference", &kCpu, kAll, reference::Exp},
    {&kExp, "portable", &kCpu, kAll, Best<baseline::Exp, avx2::Exp, avx512::Exp>},
    {&kExp, "avx2", &kCpuAvx2, kAll, avx2::Exp},
    {&kExp, "avx512", &kCpuAvx512, kAll, avx512::Exp},
    {&kExp, "neon", &kCpuNeon, kAll, baseline::Exp},
    {&kExp, "cuda", &kCuda, kAll, OnGpu<&kExp, WholeCase, cuda::Exp>},
    {&kExp, "cuda_emulated", &kCudaEmulated, kAll, OnEmulator<WholeCase, cuda_emulated::Exp>},

    {&kLog, "reference", &kCpu, kAll, reference::Log},
    {&kLog, "portable", &kCpu, kAll, Best<baseline::Log, avx2::Log, avx512::Log>},
    {&kLog, "avx2", &kCpuAvx2, kAll, avx2::Log},
    {&kLog, "avx512", &kCpuAvx512, kAll, avx512::Log},
    {&kLog, "neon", &kCpuNeon, kAll, baseline::Log},
    {&kLog, "cuda", &kCuda, kAll, OnGpu<&kLog, WholeCase, cuda::Log>},
    {&kLog, "cuda_emulated", &kCudaEmulated, kAll, OnEmulator<WholeCase, cuda_emulated::Log>},
};

}  // namespace samebits::activation

std::span<const samebits::Kernel> samebits::rows::Activation() { return activation::kRows; }
