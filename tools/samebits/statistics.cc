#include "tools/samebits/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace samebits {

Statistics StatisticsOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double deviation = std::sqrt(squares / (count - 1)), error = deviation / std::sqrt(count);
  const auto quantile = [&](double part) {
    const double place = part * (count - 1), below = std::floor(place);
    const auto i = static_cast<std::size_t>(below);
    const double next = values[std::min(i + 1, values.size() - 1)];
    return values[i] + (place - below) * (next - values[i]);
  };
  return {mean,           deviation,     error,        mean - 1.96 * error, mean + 1.96 * error,
          values.front(), quantile(.25), quantile(.5), quantile(.75),       values.back()};
}

}  // namespace samebits
