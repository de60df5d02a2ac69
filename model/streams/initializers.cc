#include "model/streams/initializers.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <functional>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kernels/core/error.h"
#include "model/streams/orthogonal.h"

namespace samebits {
namespace {

constexpr std::int64_t kMostElements = std::int64_t{1} << 28;

std::int64_t Product(Shape sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
}

std::string TextOf(Shape shape) {
  std::string text;
  for (const std::int64_t size : shape) text += fmt::format("{}{}", text.empty() ? "" : ",", size);
  return text;
}

std::size_t ElementsOf(Shape shape) {
  std::int64_t elements = 1;
  for (const std::int64_t size : shape) {
    if (size < 1 || size > kMostElements / elements) {
      throw UserError(fmt::format("shape {}: give sizes from 1, and at most {} elements",
                                  TextOf(shape), kMostElements));
    }
    elements *= size;
  }
  return static_cast<std::size_t>(elements);
}

double FanOf(FanMode mode, Shape shape) {
  if (shape.empty()) return 1.0;
  const std::size_t rank = shape.size();
  const auto all = static_cast<double>(Product(shape));
  const double in = rank == 1 ? all : all / static_cast<double>(shape[rank - 1]);
  const double out = rank == 1 ? all : all / static_cast<double>(shape[rank - 2]);
  switch (mode) {
    case FanMode::kIn:
      return in;
    case FanMode::kOut:
      return out;
    case FanMode::kAverage:
      break;
  }
  return (in + out) / 2.0;
}

// Product and sum are rounded one after the other.
void ScaleAndShift(double stddev, double mean, std::span<float> values) {
  for (float& value : values) {
    value = value * static_cast<float>(stddev) + static_cast<float>(mean);
  }
}

void RandomNormal(const InitializerOptions& options, const Stream& stream, std::uint32_t seed,
                  Shape, std::span<float> values) {
  stream.normal({seed}, values);
  ScaleAndShift(options.stddev, options.mean, values);
}

void TruncatedNormal(const InitializerOptions& options, const Stream& stream, std::uint32_t seed,
                     Shape, std::span<float> values) {
  stream.truncated_normal({seed}, values);
  ScaleAndShift(options.stddev, options.mean, values);
}

void RandomUniform(const InitializerOptions& options, const Stream& stream, std::uint32_t seed,
                   Shape, std::span<float> values) {
  stream.uniform({seed}, static_cast<float>(options.minval), static_cast<float>(options.maxval),
                 values);
}

void VarianceScaling(const InitializerOptions& options, const Stream& stream, std::uint32_t seed,
                     Shape shape, std::span<float> values) {
  const double scale = options.scale / std::max(1.0, FanOf(options.mode, shape));
  const double limit = std::sqrt(3.0 * scale);
  switch (options.distribution) {
    case Distribution::kTruncatedNormal:
      return TruncatedNormal({.stddev = std::sqrt(scale) / 0.87962566103423978}, stream, seed,
                             shape, values);
    case Distribution::kUntruncatedNormal:
      return RandomNormal({.stddev = std::sqrt(scale)}, stream, seed, shape, values);
    case Distribution::kUniform:
      return RandomUniform({.minval = -limit, .maxval = limit}, stream, seed, shape, values);
  }
}

void Orthogonal(const InitializerOptions& options, const Stream& stream, std::uint32_t seed,
                Shape shape, std::span<float> values) {
  if (shape.size() < 2) throw UserError("Orthogonal: give a shape of two sizes or more");
  const auto columns = static_cast<std::size_t>(shape.back());
  const std::size_t rows = values.size() / columns;
  const std::size_t longer = std::max(rows, columns), shorter = std::min(rows, columns);
  std::vector<float> q(values.size());
  stream.normal({seed}, q);
  Orthogonalize(longer, shorter, q);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      const float value = rows < columns ? q[j * shorter + i] : q[i * shorter + j];
      values[i * columns + j] = value * static_cast<float>(options.gain);
    }
  }
}

constexpr InitializerOptions Scaled(double scale, FanMode mode, Distribution distribution) {
  return {.scale = scale, .mode = mode, .distribution = distribution};
}

// A number whose multiples stay finite in binary32.
double NumberOf(std::string_view option, const std::string& text) {
  double number = 0.0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || !(std::fabs(number) <= 1e30)) {
    throw UserError(fmt::format("{} '{}' is not a number from -1e30 to 1e30", option, text));
  }
  return number;
}

template <class T>
struct Named {
  std::string_view name;
  T value;
};

constexpr Named<double InitializerOptions::*> kNumbers[] = {
    {"mean", &InitializerOptions::mean},     {"stddev", &InitializerOptions::stddev},
    {"minval", &InitializerOptions::minval}, {"maxval", &InitializerOptions::maxval},
    {"scale", &InitializerOptions::scale},   {"gain", &InitializerOptions::gain}};

constexpr Named<FanMode> kModes[] = {
    {"fan_in", FanMode::kIn}, {"fan_out", FanMode::kOut}, {"fan_avg", FanMode::kAverage}};

constexpr Named<Distribution> kDistributions[] = {
    {"normal", Distribution::kTruncatedNormal},
    {"truncated_normal", Distribution::kTruncatedNormal},
    {"untruncated_normal", Distribution::kUntruncatedNormal},
    {"uniform", Distribution::kUniform}};

// The row with the name; throws UserError, listing the names, when there is none.
const auto& Find(const auto& rows, std::string_view what, std::string_view name) {
  const auto found = std::ranges::find_if(rows, [&](const auto& row) { return row.name == name; });
  if (found != std::end(rows)) return *found;
  std::string names;
  for (const auto& row : rows) names += fmt::format(" {}", row.name);
  throw UserError(fmt::format("{} '{}' is not known; there are:{}", what, name, names));
}

}  // namespace

std::span<const Initializer> AllInitializers() {
  using enum FanMode;
  using enum Distribution;
  static const std::vector<Initializer> rows = {
      {"RandomNormal", {"mean", "stddev"}, {}, RandomNormal},
      {"RandomUniform", {"minval", "maxval"}, {}, RandomUniform},
      {"TruncatedNormal", {"mean", "stddev"}, {}, TruncatedNormal},
      {"VarianceScaling", {"scale", "mode", "distribution"}, {}, VarianceScaling},
      {"GlorotNormal", {}, Scaled(1, kAverage, kTruncatedNormal), VarianceScaling},
      {"GlorotUniform", {}, Scaled(1, kAverage, kUniform), VarianceScaling},
      {"HeNormal", {}, Scaled(2, kIn, kTruncatedNormal), VarianceScaling},
      {"HeUniform", {}, Scaled(2, kIn, kUniform), VarianceScaling},
      {"LecunNormal", {}, Scaled(1, kIn, kTruncatedNormal), VarianceScaling},
      {"LecunUniform", {}, Scaled(1, kIn, kUniform), VarianceScaling},
      {"Orthogonal", {"gain"}, {}, Orthogonal},
  };
  return rows;
}

std::span<const InitializerOption> AllInitializerOptions() {
  static constexpr InitializerOption kOptions[] = {
      {"mean", "0", "The mean"},
      {"stddev", "0.05", "The standard deviation; of TruncatedNormal, before it is cut"},
      {"minval", "-0.05", "The least value"},
      {"maxval", "0.05", "The end of the range, itself outside"},
      {"scale", "1", "The factor of the variance, above 0"},
      {"mode", "fan_in", "What the variance is divided by: fan_in, fan_out or fan_avg"},
      {"distribution", "truncated_normal",
       "truncated_normal or normal (the same), untruncated_normal, uniform"},
      {"gain", "1", "The factor of all values"}};
  return kOptions;
}

const Initializer& FindInitializer(std::string_view name) {
  return Find(AllInitializers(), "initializer", name);
}

void Initializer::Set(std::string_view option, const std::string& value) {
  if (std::ranges::find(takes, option) == takes.end()) {
    throw UserError(
        fmt::format("{} takes no {}; it takes: {}", name, option,
                    takes.empty() ? "no options" : fmt::to_string(fmt::join(takes, " "))));
  }
  if (option == "mode") {
    options.mode = Find(kModes, option, value).value;
  } else if (option == "distribution") {
    options.distribution = Find(kDistributions, option, value).value;
  } else {
    const double number = NumberOf(option, value);
    if (option == "scale" && number <= 0.0) {
      throw UserError(fmt::format("scale '{}' is not above 0", value));
    }
    options.*Find(kNumbers, "option", option).value = number;
  }
}

std::vector<float> Initializer::Values(const Stream& stream, std::uint32_t seed,
                                       Shape shape) const {
  std::vector<float> values(ElementsOf(shape));
  fill(options, stream, seed, shape, values);
  return values;
}

}  // namespace samebits
