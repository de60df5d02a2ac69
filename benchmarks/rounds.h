// Times of several functions, taken in rounds: each round runs all of them one after the other, so
// that whatever else the machine does meets all alike. Google Benchmark takes the times.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace samebits {

struct Contestant {
  std::string name;
  std::function<void()> run;
};

struct Rounds {
  int count = 9;
  double seconds =
      0.02;  // of one contestant's part of a round, at least; a single run if it is longer
};

// What a run took: time, or processor time of the thread that runs it. One thread alone is timed by
// the latter, which does not count what the processor did for others meanwhile.
enum class Clock { kWall, kThread };

// Seconds of one run, by the better of two.
double Estimate(const std::function<void()>& run);

// Seconds of one run, for each contestant and round. The order changes from round to round; before
// each part a contestant of short runs runs once untimed.
std::vector<std::vector<double>> TimeInRounds(const std::vector<Contestant>& contestants,
                                              const Rounds& rounds, Clock clock);

double Median(std::vector<double> values);

// a / b: the median over the rounds of their ratios, and its interval of 95 % (bootstrap over the
// rounds, with a fixed seed: the same times always give the same interval).
struct Ratio {
  double value, low, high;
};

Ratio RatioOf(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace samebits
