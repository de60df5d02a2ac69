// The kernels of Adam, one row each.
#include "kernels/adam/adam.h"
#include "kernels/core/cpu.h"
#include "kernels/core/rows.h"
#include "kernels/cuda/stream.h"

namespace samebits::adam {

namespace reference {  // reference.cc
KernelFunction Update;
}
namespace baseline {  // portable.cc
KernelFunction Update;
}
namespace avx2 {  // portable.cc, built with AVX2 and FMA
SAMEBITS_X86_64 KernelFunction Update;
}
namespace avx512 {  // portable.cc, built with AVX-512
SAMEBITS_X86_64 KernelFunction Update;
}

using GpuFunction = void(const Case&, const Buffers&, DeviceStream&);
namespace cuda {  // cuda.cu
GpuFunction Update;
}
namespace cuda_emulated {  // cuda.cu, for the emulator
GpuFunction Update;
}

constexpr auto kAll = Claim::kEverywhere;

constexpr Kernel kRows[] = {
    {&kUpdate, "reference", &kCpu, kAll, reference::Update},
    {&kUpdate, "portable", &kCpu, kAll, Best<baseline::Update, avx2::Update, avx512::Update>},
    {&kUpdate, "avx2", &kCpuAvx2, kAll, avx2::Update},
    {&kUpdate, "avx512", &kCpuAvx512, kAll, avx512::Update},
    {&kUpdate, "neon", &kCpuNeon, kAll, baseline::Update},
    {&kUpdate, "cuda", &kCuda, kAll, OnGpu<&kUpdate, WholeCase, cuda::Update>},
    {&kUpdate, "cuda_emulated", &kCudaEmulated, kAll, OnEmulator<WholeCase, cuda_emulated::Update>},
};

}  // namespace samebits::adam

std::span<const samebits::Kernel> samebits::rows::Adam() { return adam::kRows; }
