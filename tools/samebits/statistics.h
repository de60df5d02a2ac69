// What a list of results says.
#pragma once

#include <vector>

namespace samebits {

struct Statistics {
  double mean, deviation;  // of the sample: divided by n - 1
  double standard_error;   // of the mean
  double low, high;        // 95 % interval of the mean: 1.96 standard errors, for 30 values or more
  double min, first_quartile, median, third_quartile, max;  // linear between neighbours
};

// At least two values.
Statistics StatisticsOf(std::vector<double> values);

}  // namespace samebits
