// The vocabulary of the suite: operation, kernel, backend, claim (golden/README.md has the
// contract).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/core/case.h"

namespace samebits {

class Team;
struct OutputTerms;  // kernels/core/terms.h

enum class DType : std::uint8_t { kFloat32, kInt32, kInt64, kUint8, kUint16 };

constexpr std::size_t SizeOf(DType type) {
  switch (type) {
    case DType::kUint8:
      return 1;
    case DType::kUint16:
      return 2;
    case DType::kInt64:
      return 8;
    default:
      return 4;
  }
}

struct Tensor {
  std::string_view name;  // "x", "dy": as in the operation's definition
  DType type;
  std::vector<std::int64_t> shape;  // row-major

  // Throws UserError when no memory holds as many.
  std::int64_t Elements() const;
  std::size_t Bytes() const { return static_cast<std::size_t>(Elements()) * SizeOf(type); }
};

// What an operation reads and writes for one case.
struct Signature {
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;
};

// The memory of one call, in the order of the signature. Outputs hold anything before the call.
struct Buffers {
  static constexpr int kMost = 5;
  std::array<const void*, kMost> inputs{};
  std::array<void*, kMost> outputs{};

  template <class T = float>
  const T* in(int i) const {
    return static_cast<const T*>(inputs[static_cast<std::size_t>(i)]);
  }
  template <class T = float>
  T* out(int i) const {
    return static_cast<T*>(outputs[static_cast<std::size_t>(i)]);
  }
};

// An Op is a contract: it fixes the sequence of IEEE-754 operations behind every output bit.
// To change any bit is to define a new Op with the next version. Its scalar reference is the
// kernel row named "reference", the only writer of goldens.
struct Op {
  std::string_view name;   // "conv2d_fwd_v1"
  std::string_view order;  // the terms and their order, in one line
  // Shapes that stress the order, without seed: the plan crosses them with kSeeds.
  std::span<const std::string_view> cases;
  // Shapes worth timing, without seed: the plan takes them with seed 812 alone, and those of more
  // than 10^11 operations for GPUs alone.
  std::span<const std::string_view> timed_cases;
  // Throws UserError when the case makes no sense for the operation.
  Signature (*signature)(const Case&);
  // Writes input `index` where it is not what FillFloats, or in 16 bits FillStored, wrote before.
  void (*fill)(const Case&, int index, const Tensor&, std::byte* data);
  // Floating-point operations of the case (an fma counts two); null where nothing is priced.
  double (*flops)(const Case&);
  // The terms of one element of the only output, where each is a sum.
  OutputTerms (*terms)(const Case&, const Buffers&, std::int64_t output) = nullptr;
  // Whether a sample's outputs depend on no other sample: setting "n" counts them, and a tensor
  // whose shape depends on it holds them in order.
  bool splits_batch = false;
  // Whether the only output is a tree over the leaves of the batch: setting "v" counts them, and
  // the sum of some leaves is that of a batch of their samples.
  bool sums_leaves = false;
  // Whether its float tensors may lie in 16 bits: a case says so (kernels/convert/stored.h).
  bool may_be_stored = false;
  // Whether its images come through a data pipeline (kernels/core/pipeline_plan.h), which has
  // threads of its own.
  bool has_pipeline = false;
};

// What a kernel promises about its bits. Each claim includes those before it.
enum class Claim : std::uint8_t {
  kNone,
  kRun,        // same machine, same settings: the same bits run after run
  kMachine,    // any number of threads, any ISA (or GPU) of its kind
  kEverywhere  // any backend, any split of the batch, any number of ranks: the golden
};

std::string_view ClaimName(Claim claim);

// Where a kernel runs.
struct Backend {
  std::string_view name;  // "cpu", "cpu_avx2", "onednn"
  // Why it cannot run here; empty when it can.
  std::string (*unavailable)();
  // What a library reads when its process starts, as NAME=value, to use vectors of at most 128, 256
  // or 512 bits. Null: nothing tells it.
  std::string_view (*isa_environment)(int bits) = nullptr;
};

using KernelFunction = void(const Case&, const Buffers&, Team&);

// A kernel of a shared library (conformance/library.h): called with what the library needs.
struct Loaded {
  std::string library;
  std::function<KernelFunction> run;
};

// One implementation. Gate, benchmarks, model and tools read these rows.
struct Kernel {
  const Op* op;
  std::string_view name;  // "reference", "avx2", "onednn"
  const Backend* backend;
  Claim claim;
  KernelFunction* run;
  const Loaded* loaded = nullptr;  // then there is no `run`
  // It takes tensors in 16 bits as they lie; others see them as binary32.
  bool takes_stored = false;
};

// Runs the kernel under the contract's floating-point state, whatever the caller's is.
void Run(const Kernel& kernel, const Case& c, const Buffers& buffers, Team& team);
// The same under whatever floating-point state there is.
void RunAsIs(const Kernel& kernel, const Case& c, const Buffers& buffers, Team& team);

// The seeds every golden exists for.
inline constexpr std::array<std::int64_t, 4> kSeeds = {0, 42, 812, 2147483647};

}  // namespace samebits
