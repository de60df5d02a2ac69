// Plots, drawn by gnuplot: SVG whose colours the page sets (one for wide and one for narrow
// screens), and PNG.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace samebits {

// Colours of a plot, by number: SVG takes them from the page.
enum class Ink : int { kText = 1, kFaint, kGrid, kFirst, kSecond, kThird, kFourth, kFifth, kSixth };

// Of the i-th line of a plot; behind the last they come again.
constexpr std::size_t kLineInks = 6;
constexpr Ink LineInk(std::size_t i) {
  return static_cast<Ink>(static_cast<std::size_t>(Ink::kFirst) + i % kLineInks);
}

struct Point {
  double x, y;
  double low = 0, high = 0;  // of x, where it has an interval
};

struct Series {
  std::string name;
  Ink ink;
  enum class Style { kDots, kRings, kLine, kDashes, kLineDots } style;
  std::vector<Point> points;
  bool intervals = false;
};

// Of the i-th line of a plot: where inks come again, dashes.
constexpr Series::Style LineStyle(std::size_t i) {
  return i < kLineInks ? Series::Style::kLineDots : Series::Style::kDashes;
}

struct Plot {
  std::string name;  // of its files
  std::string alt;   // what it shows, in words
  std::string x_title, y_title;
  std::vector<Series> series = {};
  std::vector<std::string> rows = {};  // names along the y axis, from above; y counts them from 0
  std::vector<std::string> columns = {};  // names along the x axis, from the left
  std::vector<double> marks = {};         // vertical lines
  bool x_log = false, y_log = false;
  double x_low = 0, x_high = 0, y_low = 0, y_high = 0;  // ranges, where low < high
};

struct DrawnPlot {
  std::string wide, narrow;  // <svg> elements
};

// Draws all of them; PNG files NAME.png go into the folder. Throws UnavailableError when there is
// no gnuplot.
std::vector<DrawnPlot> Draw(const std::vector<Plot>& plots, const std::filesystem::path& folder);

}  // namespace samebits
