// prove: compares a function with its correctly rounded result, on every input there is.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <limits>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "kernels/activation/activation.h"
#include "kernels/convert/convert.h"
#include "kernels/core/error.h"
#include "kernels/core/registry.h"
#include "kernels/core/team.h"
#include "kernels/core/threefry.h"
#include "kernels/cuda/stream.h"
#include "kernels/math/oracle.h"
#include "kernels/math/power.h"
#include "kernels/softmax/softmax.h"
#include "model/data/preprocess.h"

namespace samebits {
namespace {

struct Tally {
  std::uint64_t inputs = 0;
  std::uint64_t by_mpfr = 0;  // the others were settled by the C library's binary64 result
  std::uint64_t mismatches = 0;
  std::vector<std::string> lines;  // the first mismatches; the hard inputs
};

constexpr std::size_t kMismatchesShown = 10;

// "computed = exact for each of `inputs` inputs": visit compares one of them.
struct Claim {
  std::uint64_t inputs;
  std::function<void(std::uint64_t index, Oracle&, Tally&)> visit;
};

void Compare(float computed, float exact, const auto& input_text, Tally& tally) {
  const auto got = std::bit_cast<std::uint32_t>(computed);
  const auto want = std::bit_cast<std::uint32_t>(exact);
  if (got == want) return;
  if (++tally.mismatches > kMismatchesShown) return;
  tally.lines.push_back(fmt::format("{}: got {:08x}, want {:08x}", input_text(), got, want));
}

constexpr std::int64_t kBlock = 4096;  // inputs of a call

// One block of inputs by every kernel of an operation that runs here, against what is wanted.
template <class In, class Out>
void CompareKernels(const Op& op, const Case& c, std::uint64_t first,
                    const std::array<In, kBlock>& in, const std::array<Out, kBlock>& want,
                    Tally& tally) {
  std::array<Out, kBlock> out;
  Team team(1);
  for (const Kernel* kernel : AllKernels()) {
    if (kernel->op != &op || !kernel->backend->unavailable().empty()) continue;
    if (kernel->claim != samebits::Claim::kEverywhere) continue;
    if (kernel->backend == &kCudaEmulated) continue;  // would take days
    samebits::Run(*kernel, c, {{in.data()}, {out.data()}}, team);
    for (std::size_t i = 0; i < kBlock; ++i) {
      // A golden has one NaN (golden/README.md); the bits of 16-bit patterns are all compared.
      const bool same = std::memcmp(&out[i], &want[i], sizeof(Out)) == 0 ||
                        (out[i] != out[i] && want[i] != want[i]);
      if (same || ++tally.mismatches > kMismatchesShown) continue;
      tally.lines.push_back(fmt::format("{} {}: {:x}", kernel->name, c.id(), first + i));
    }
  }
  tally.inputs += kBlock - 1;
}

// The inputs from `first` on, as bits, against `exact` of each.
template <class In, class Out>
void CompareKernels(const Op& op, const Case& c, std::uint64_t first, const auto& exact,
                    Tally& tally) {
  std::array<In, kBlock> in;
  std::array<Out, kBlock> want;
  for (std::size_t i = 0; i < kBlock; ++i) {
    if constexpr (sizeof(In) == 4) {
      in[i] = std::bit_cast<float>(static_cast<std::uint32_t>(first + i));
    } else {
      in[i] = static_cast<In>(first + i);
    }
    want[i] = exact(in[i]);
  }
  CompareKernels(op, c, first, in, want, tally);
}

// Every kernel of softmax against the reference, whose quotients are divisions: rows of 0 and the
// 4,095 next negative numbers, from the smallest to that whose exponential is 0.
Claim SoftmaxClaim() {
  constexpr std::uint64_t kRows = std::bit_cast<std::uint32_t>(104.0f) / kBlock;
  const auto visit = [](std::uint64_t index, Oracle&, Tally& tally) {
    std::array<float, kBlock> in, want;
    for (std::size_t i = 0; i < kBlock; ++i) {
      in[i] = -std::bit_cast<float>(static_cast<std::uint32_t>(index * kBlock + i));
    }
    in[0] = 0.0f;
    const Case c = Case::Parse(fmt::format("n1c{}", kBlock));
    Team team(1);
    samebits::Run(Reference(softmax::kForward), c, {{in.data()}, {want.data()}}, team);
    CompareKernels(softmax::kForward, c, index * kBlock, in, want, tally);
  };
  return {kRows, visit};
}

// Every kernel of a function; the reference calls the one of kernels/math.
Claim UnaryClaim(const UnaryFunction& function) {
  const Op& op = function.name == "exp"   ? activation::kExp
                 : function.name == "log" ? activation::kLog
                                          : activation::kTanhForward;
  const auto visit = [&function, &op](std::uint64_t index, Oracle& oracle, Tally& tally) {
    CompareKernels<float, float>(
        op, Case::Parse(fmt::format("n{}_bits", kBlock)), index * kBlock,
        [&](float x) {
          if (const std::optional<float> exact = Settle(function.binary64(x))) return *exact;
          ++tally.by_mpfr;
          return oracle.Round(function, x);
        },
        tally);
  };
  return {(std::uint64_t{1} << 32) / kBlock, visit};
}

// Adam's default betas, each with t = 0 .. 2^24.
Claim PowerClaim() {
  static constexpr float kBetas[] = {0.9f, 0.999f};
  constexpr std::uint64_t kPowers = (1 << 24) + 1;
  const auto visit = [](std::uint64_t index, Oracle& oracle, Tally& tally) {
    const float beta = kBetas[index / kPowers];
    const std::uint64_t t = index % kPowers;
    ++tally.by_mpfr;
    Compare(
        PowerOfBeta(beta, static_cast<std::int64_t>(t)), oracle.Power(beta, t),
        [&] { return fmt::format("{}^{}", beta, t); }, tally);
  };
  return {kPowers * std::size(kBetas), visit};
}

// A byte as a pixel: the quotient by 255.
Claim PixelClaim() {
  const auto visit = [](std::uint64_t index, Oracle& oracle, Tally& tally) {
    ++tally.by_mpfr;
    Compare(
        UnitPixels()[index], oracle.Quotient(index, 255), [&] { return fmt::to_string(index); },
        tally);
  };
  return {256, visit};
}

// Integers as counts: of a batch, of the taps of a window.
Claim CountClaim() {
  const auto visit = [](std::uint64_t index, Oracle& oracle, Tally& tally) {
    ++tally.by_mpfr;
    Compare(
        static_cast<float>(static_cast<std::int64_t>(index)), oracle.Quotient(index, 1),
        [&] { return fmt::to_string(index); }, tally);
  };
  return {std::uint64_t{1} << 32, visit};
}

// Words of a stream as floats in [0, 1). Binary64 holds the quotient exactly.
Claim UniformClaim() {
  const auto visit = [](std::uint64_t index, Oracle&, Tally& tally) {
    const auto word = static_cast<std::uint32_t>(index);
    Compare(
        UnitUniform(word), static_cast<float>((word >> 9) / 8388608.0),
        [&] { return fmt::format("{:08x}", word); }, tally);
  };
  return {std::uint64_t{1} << 32, visit};
}

// Every four pixels that an output of the resizing to 8/7 of the size, 28 to 32, is made of, at
// each of the 64 places between them. Binary64 has more than twice the digits and two more, so that
// rounding its result to binary32 gives what rounding once would (Figueroa, 1995).
Claim ResizeClaim() {
  constexpr int kIn = 14, kOut = 16;
  const auto between = [](float a, float b, double t) {
    const auto step = static_cast<float>(static_cast<double>(b) - static_cast<double>(a));
    const auto part = static_cast<float>(static_cast<double>(step) * t);
    return static_cast<float>(static_cast<double>(a) + static_cast<double>(part));
  };
  const auto visit = [between](std::uint64_t index, Oracle&, Tally& tally) {
    static thread_local ImageResizer resizer(kIn, kIn, kOut, kOut);
    const auto pixel = [index](int row, int column) {
      return static_cast<std::uint8_t>(index >> (16 * (row % 2) + 8 * (column % 2)));
    };
    std::array<std::uint8_t, kIn * kIn> image;
    for (int i = 0; i < kIn * kIn; ++i) {
      image[static_cast<std::size_t>(i)] = pixel(i / kIn, i % kIn);
    }
    std::array<float, kOut * kOut> out;
    resizer.Resize(image, out);
    // The eight outputs in the middle: each place between two pixels once, away from the edges.
    struct Place {
      int pixel;  // the first of two
      double t;   // between them
    };
    static const auto kPlaces = [] {
      std::array<Place, 8> places{};
      for (int i = 0; i < 8; ++i) {
        const double at = (i + 4 + 0.5) * kIn / kOut - 0.5;
        const int first = static_cast<int>(at);
        places[static_cast<std::size_t>(i)] = {first, at - first};
      }
      return places;
    }();
    float across[2][8];  // in even and odd rows
    for (int row = 0; row < 2; ++row) {
      for (std::size_t j = 0; j < 8; ++j) {
        const auto [column, t] = kPlaces[j];
        across[row][j] =
            between(UnitPixels()[pixel(row, column)], UnitPixels()[pixel(row, column + 1)], t);
      }
    }
    for (std::size_t i = 0; i < 8; ++i) {
      const auto [row, t] = kPlaces[i];
      for (std::size_t j = 0; j < 8; ++j) {
        Compare(
            out[(i + 4) * kOut + j + 4], between(across[row % 2][j], across[(row + 1) % 2][j], t),
            [&] { return fmt::format("{:08x} at {}, {}", index, i + 4, j + 4); }, tally);
      }
    }
  };
  return {std::uint64_t{1} << 32, visit};
}

// Conversions between binary32 and formats of 16 bits, by every kernel that this machine runs.
struct Conversion {
  const Op* op;
  bool bfloat16;

  const convert::Format& format() const {
    return bfloat16 ? convert::kBfloat16 : convert::kFloat16;
  }
  Case whole_case() const {
    return Case::Parse(fmt::format("n{}_{}", kBlock, bfloat16 ? "bfloat16" : "float16"));
  }
};

// What a pattern of 16 bits stands for; its NaN as the contract has it.
float ValueOf(const convert::Format& f, std::uint16_t bits) {
  const int fraction = f.precision - 1, biased = (bits & 0x7fff) >> fraction;
  const int low = bits & ((1 << fraction) - 1);
  const double sign = bits >> 15 ? -1.0 : 1.0;
  if (biased == f.highest - f.lowest + 2) {
    if (low != 0) return std::bit_cast<float>(0x7fc00000);
    return static_cast<float>(sign) * std::numeric_limits<float>::infinity();
  }
  const double significand = biased == 0 ? low : low + std::ldexp(1.0, fraction);
  const int exponent = std::max(biased, 1) - 1 + f.lowest - fraction;
  return static_cast<float>(std::copysign(std::ldexp(significand, exponent), sign));
}

// The magnitudes of a format in the order of their patterns; in infinity's place the number that
// would follow the largest.
std::vector<double> MagnitudesOf(const convert::Format& f) {
  std::vector<double> magnitudes;
  const int infinity = (f.highest - f.lowest + 2) << (f.precision - 1);
  for (int bits = 0; bits < infinity; ++bits) {
    magnitudes.push_back(double{ValueOf(f, static_cast<std::uint16_t>(bits))});
  }
  magnitudes.push_back(std::ldexp(1.0, f.highest + 1));
  return magnitudes;
}

// The pattern of the number nearest to x: the middle between two neighbours is exact in binary64,
// and of the two the even number has the even pattern. `below`, where the search begins, is moved
// to the largest magnitude that is not above x's.
std::uint16_t Nearest(const std::vector<double>& magnitudes, float x, std::size_t& below) {
  const double magnitude = std::fabs(double{x});
  while (below + 1 < magnitudes.size() && magnitudes[below + 1] <= magnitude) ++below;
  std::size_t place = below;
  if (below + 1 < magnitudes.size()) {
    const double middle = (magnitudes[below] + magnitudes[below + 1]) / 2;
    if (magnitude > middle || (magnitude == middle && place % 2 == 1)) ++place;
  }
  return static_cast<std::uint16_t>(place | (std::signbit(x) ? 0x8000 : 0));
}

// All 2^32 numbers into each format.
Claim NarrowClaim() {
  constexpr std::uint64_t kBlocks = (std::uint64_t{1} << 32) / kBlock;
  const auto visit = [](std::uint64_t index, Oracle&, Tally& tally) {
    static const std::vector<double> kOfFloat16 = MagnitudesOf(convert::kFloat16),
                                     kOfBfloat16 = MagnitudesOf(convert::kBfloat16);
    const Conversion conversion{&convert::kNarrow, index < kBlocks};
    const std::vector<double>& magnitudes = conversion.bfloat16 ? kOfBfloat16 : kOfFloat16;
    // The magnitudes of a block ascend.
    const std::uint64_t first = index % kBlocks * kBlock;
    const float lowest = std::fabs(std::bit_cast<float>(static_cast<std::uint32_t>(first)));
    auto below = static_cast<std::size_t>(std::max<std::ptrdiff_t>(
        0, std::ranges::upper_bound(magnitudes, double{lowest}) - magnitudes.begin() - 1));
    CompareKernels<float, std::uint16_t>(
        *conversion.op, conversion.whole_case(), first,
        [&](float x) {
          if (x != x) return static_cast<std::uint16_t>(conversion.bfloat16 ? 0x7fc0 : 0x7e00);
          return Nearest(magnitudes, x, below);
        },
        tally);
  };
  return {2 * kBlocks, visit};
}

// All 2^16 patterns of each format.
Claim WidenClaim() {
  constexpr std::uint64_t kBlocks = (1 << 16) / kBlock;
  const auto visit = [](std::uint64_t index, Oracle&, Tally& tally) {
    const Conversion conversion{&convert::kWiden, index < kBlocks};
    CompareKernels<std::uint16_t, float>(
        *conversion.op, conversion.whole_case(), index % kBlocks * kBlock,
        [&](std::uint16_t bits) { return ValueOf(conversion.format(), bits); }, tally);
  };
  return {2 * kBlocks, visit};
}

// No claim, but a search: notes the inputs whose exact value lies within `ulps` binary64 ULP of a
// border, as the lines "input result  # ULP" of golden/math.
Claim HardInputs(const UnaryFunction& function, double ulps) {
  const auto visit = [&function, ulps](std::uint64_t index, Oracle& oracle, Tally& tally) {
    const float x = std::bit_cast<float>(static_cast<std::uint32_t>(index));
    const double y = function.binary64(x);
    if (!std::isfinite(y) || Settle(y, ulps + 2)) return;
    const std::optional<double> distance = oracle.DistanceToBorder(function, x);
    if (!distance || *distance > ulps) return;
    tally.lines.push_back(fmt::format("{:08x} {:08x}  # {:.4f}", index,
                                      std::bit_cast<std::uint32_t>(oracle.Round(function, x)),
                                      *distance));
  };
  return {std::uint64_t{1} << 32, visit};
}

Tally Run(const Claim& claim, std::uint64_t stride, int threads) {
  constexpr std::uint64_t kChunk = 1 << 18;
  std::atomic<std::uint64_t> next = 0;
  std::mutex mutex;
  Tally total;
  std::uint64_t done = 0;

  const auto work = [&] {
    Oracle oracle;
    for (;;) {
      const std::uint64_t begin = next.fetch_add(kChunk * stride);
      if (begin >= claim.inputs) return;
      const std::uint64_t end = std::min(claim.inputs, begin + kChunk * stride);
      Tally tally;
      for (std::uint64_t index = begin; index < end; index += stride, ++tally.inputs) {
        claim.visit(index, oracle, tally);
      }
      const std::lock_guard lock(mutex);
      done += (end - begin + stride - 1) / stride;
      total.inputs += tally.inputs;
      total.by_mpfr += tally.by_mpfr;
      total.mismatches += tally.mismatches;
      total.lines.insert(total.lines.end(), tally.lines.begin(), tally.lines.end());
      fmt::print(stderr, "\r{:3d} %", 100 * done * stride / claim.inputs);
    }
  };
  std::vector<std::jthread> workers;
  for (int i = 0; i < threads; ++i) workers.emplace_back(work);
  workers.clear();
  fmt::print(stderr, "\n");
  std::ranges::sort(total.lines);
  return total;
}

const UnaryFunction& UnaryNamed(std::string_view name) {
  return *std::ranges::find(UnaryFunctions(), name, &UnaryFunction::name);
}

int Main(int argc, char** argv) {
  CLI::App app("Compares a function with its correctly rounded result, on every input.");
  std::string name;
  int threads = static_cast<int>(std::thread::hardware_concurrency());
  std::uint64_t stride = 1;
  std::optional<double> hard_ulps;
  bool json = false;
  app.add_option(
         "function", name,
         "exp, log, tanh (all binary32 numbers), power (Adam's betas), pixel (byte / 255), "
         "resize (28 to 32, all four pixels), count (integer to float), uniform (random "
         "word to [0, 1)), narrow, widen (all numbers into and from formats of 16 bits), softmax "
         "(rows of all numbers whose exponential is not 0)")
      ->required()
      ->check(CLI::IsMember({"exp", "log", "tanh", "power", "pixel", "resize", "count", "uniform",
                             "narrow", "widen", "softmax"}));
  app.add_option("--threads", threads, "default: all")->check(CLI::PositiveNumber);
  app.add_option("--stride", stride,
                 "take every n-th input only; where kernels are called, every n-th block of 4,096")
      ->check(CLI::PositiveNumber);
  CLI::Option* hard =
      app.add_option(
             "--hard", hard_ulps,
             "instead list the inputs of exp, log or tanh whose exact result lies within so many "
             "binary64 ULP of a border between two binary32 numbers")
          ->check(CLI::NonNegativeNumber);
  app.add_flag("--json", json, "print one JSON object")->excludes(hard);
  try {
    app.parse(argc, argv);
    const bool unary =
        std::ranges::find(UnaryFunctions(), name, &UnaryFunction::name) != UnaryFunctions().end();
    if (hard_ulps && !unary) throw CLI::ValidationError("--hard", "exp, log or tanh only");
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitHolds : kExitUsage;
  }

  const Claim claim = hard_ulps           ? HardInputs(UnaryNamed(name), *hard_ulps)
                      : name == "power"   ? PowerClaim()
                      : name == "pixel"   ? PixelClaim()
                      : name == "resize"  ? ResizeClaim()
                      : name == "count"   ? CountClaim()
                      : name == "uniform" ? UniformClaim()
                      : name == "narrow"  ? NarrowClaim()
                      : name == "widen"   ? WidenClaim()
                      : name == "softmax" ? SoftmaxClaim()
                                          : UnaryClaim(UnaryNamed(name));
  const auto start = std::chrono::steady_clock::now();
  Tally tally = Run(claim, stride, threads);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;

  // Each worker keeps its own first mismatches.
  if (!hard_ulps && tally.lines.size() > kMismatchesShown) tally.lines.resize(kMismatchesShown);

  if (json) {
    const nlohmann::json object = {
        {"function", name},         {"inputs", tally.inputs}, {"mismatches", tally.mismatches},
        {"by_mpfr", tally.by_mpfr}, {"first", tally.lines},   {"seconds", seconds.count()}};
    fmt::print("{}\n", object.dump());
  } else {
    for (const std::string& line : tally.lines) fmt::print("{}\n", line);
    if (!hard_ulps) {
      fmt::print("{}: {} inputs, {} mismatches ({} compared with MPFR itself, {:.0f} s)\n", name,
                 tally.inputs, tally.mismatches, tally.by_mpfr, seconds.count());
    }
  }
  return tally.mismatches == 0 ? kExitHolds : kExitBitsDiffer;
}

}  // namespace
}  // namespace samebits

int main(int argc, char** argv) { return samebits::Main(argc, argv); }
