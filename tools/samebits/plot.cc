#include "tools/samebits/plot.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <regex>

#include <fmt/format.h>

#include "kernels/core/error.h"

namespace samebits {
namespace {

namespace fs = std::filesystem;

// Of the PNG files, whose background is white; the page's own are in its style sheet.
constexpr std::array<const char*, 10> kLight = {"",        "#1b1f24", "#59636e", "#d8dee4",
                                                "#0969da", "#bc4c00", "#1a7f37", "#8250df",
                                                "#bf3989", "#6e7781"};

// A colour that says its number, to be found again in the SVG.
std::string CodeOf(Ink ink) { return fmt::format("#{0:02x}{0:02x}{0:02x}", static_cast<int>(ink)); }

struct Frame {
  int width, height;
  bool narrow;
};

Frame FrameOf(const Plot& plot, bool narrow) {
  const int width = narrow ? 360 : 1040;
  if (plot.rows.empty()) return {width, narrow ? 320 : 420, narrow};
  const int each = narrow ? 30 : 27;
  const int keys = narrow ? 20 * static_cast<int>(plot.series.size()) : 24;
  return {width, 60 + keys + each * static_cast<int>(plot.rows.size()), narrow};
}

// gnuplot's text in single quotes.
std::string Quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("''") : std::string(1, c);
  return quoted + "'";
}

std::string Range(const char* axis, double low, double high) {
  return low < high ? fmt::format("set {}range [{}:{}]\n", axis, low, high) : "";
}

std::string StyleOf(const Series& series) {
  const std::string colour = fmt::format("lc rgb '{}'", CodeOf(series.ink));
  switch (series.style) {
    case Series::Style::kDots:
      return fmt::format("{} pt 7 ps 0.55 lw 1.4 {}",
                         series.intervals ? "with xerrorbars" : "with points", colour);
    case Series::Style::kRings:
      return fmt::format("{} pt 6 ps 0.6 lw 1.4 {}",
                         series.intervals ? "with xerrorbars" : "with points", colour);
    case Series::Style::kLine:
      return fmt::format("with lines lw 1.6 {}", colour);
    case Series::Style::kDashes:
      return fmt::format("with lines lw 1.4 dt 2 {}", colour);
    default:
      return fmt::format("with linespoints pt 7 ps 0.6 lw 1.8 {}", colour);
  }
}

// What gnuplot is told, behind its terminal.
std::string ScriptOf(const Plot& plot, const Frame& frame) {
  const std::string text = CodeOf(Ink::kText), faint = CodeOf(Ink::kFaint),
                    grid = CodeOf(Ink::kGrid);
  std::string s = fmt::format(
      "reset\nset border {} lc rgb '{}'\nset tics textcolor rgb '{}' scale 0.4 nomirror\n"
      "set grid xtics {} lt 1 lw 0.6 lc rgb '{}'\nset key above left textcolor rgb '{}' "
      "samplen 1.2 spacing 1.1 width 1\nset errorbars 0\nset xlabel {} textcolor rgb '{}'\n",
      plot.rows.empty() ? 3 : 1, grid, faint, plot.rows.empty() ? "ytics" : "", grid, text,
      Quoted(plot.x_title), faint);
  // A key in one line would be cut where there is no room for it.
  if (frame.narrow && !plot.rows.empty()) s += "set key vertical maxrows 9\n";
  s += fmt::format("set ylabel {} textcolor rgb '{}'\n", Quoted(plot.y_title), faint);
  if (plot.x_log) s += "set logscale x\n";
  if (plot.y_log) s += "set logscale y\n";
  s += Range("x", plot.x_low, plot.x_high) + Range("y", plot.y_low, plot.y_high);
  if (plot.x_log) {
    s += "set xtics (";
    int written = 0;
    int seen = 0;
    for (const double x : {0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0,
                           200.0, 500.0, 1000.0}) {
      if (x < plot.x_low || x > plot.x_high) continue;
      if (frame.narrow && plot.x_high > 30 * plot.x_low && seen++ % 3 != 1) continue;
      s += fmt::format("{}'{:g}' {}", written++ > 0 ? ", " : "", x, x);
    }
    s += ")\n";
  }
  const auto names = [&](const char* axis, const std::vector<std::string>& all) {
    if (all.empty()) return;
    s += fmt::format("set {}tics (", axis);
    for (std::size_t i = 0; i < all.size(); ++i) {
      s += fmt::format("{}{} {}", i > 0 ? ", " : "", Quoted(all[i]), i);
    }
    s += ")\n";
  };
  names("x", plot.columns);
  names("y", plot.rows);
  if (!plot.rows.empty())
    s += fmt::format("set yrange [{}:-0.6]\n", static_cast<double>(plot.rows.size()) - 0.4);
  for (const double x : plot.marks) {
    s += fmt::format(
        "set arrow from first {0},graph 0 to first {0},graph 1 nohead lw 1.2 lc rgb '{1}'\n", x,
        faint);
  }
  std::string plots;
  for (std::size_t i = 0; i < plot.series.size(); ++i) {
    const Series& series = plot.series[i];
    if (series.points.empty()) continue;
    s += fmt::format("$d{} << EOD\n", i);
    for (const Point& p : series.points) s += fmt::format("{} {} {} {}\n", p.x, p.y, p.low, p.high);
    s += "EOD\n";
    plots += fmt::format("{}$d{} using {} {} {}", plots.empty() ? "" : ", ", i,
                         series.intervals ? "1:2:3:4" : "1:2", StyleOf(series),
                         series.name.empty() ? "notitle" : "title " + Quoted(series.name));
  }
  return s + "plot " + plots + "\nunset output\n";
}

// The <svg> element alone, its colours those of the page, its names its own.
std::string ForPage(std::string svg, const std::string& name, const std::string& alt) {
  svg = svg.substr(svg.find("<svg"));
  const auto replace = [&](const std::string& pattern, const std::string& with) {
    svg = std::regex_replace(svg, std::regex(pattern), with);
  };
  replace("rgb\\( *([1-9]), *\\1, *\\1\\)", "var(--ink$1)");
  replace("color=\"(white|black|gray)\"", "");
  replace("fill=\"black\"", "fill=\"var(--ink1)\"");
  replace("(id=['\"]|#)(gp|gnuplot_|textbox|greybox)", "$1" + name + "$2");
  replace("<title>[^<]*</title>", "");
  replace("<desc>[^<]*</desc>", "");
  replace("<svg[^>]*?width=\"[0-9]+\" height=\"[0-9]+\"",
          "<svg role=\"img\" aria-label=\"" + alt + "\"");
  replace(" *\n+\\s*", "\n");
  return svg;
}

std::string ReadAll(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

std::vector<DrawnPlot> Draw(const std::vector<Plot>& plots, const fs::path& folder) {
  const fs::path drawing = folder / ".drawing";
  if (std::system("command -v gnuplot >/dev/null") != 0) {
    throw UnavailableError("the report's plots need gnuplot: Debian package gnuplot-nox");
  }
  std::string script;
  for (const Plot& plot : plots) {
    for (const bool narrow : {false, true}) {
      const Frame frame = FrameOf(plot, narrow);
      script += fmt::format(
          "set terminal svg size {},{} font 'system-ui,12' name '{}' noenhanced\nset output {}\n{}",
          frame.width, frame.height, plot.name + (narrow ? "_n" : "_w"),
          Quoted((drawing / (plot.name + (narrow ? ".narrow" : ".wide"))).string()),
          ScriptOf(plot, frame));
    }
    const Frame frame = FrameOf(plot, false);
    std::string png = fmt::format(
        "set terminal pngcairo size {},{} font 'sans,18' fontscale 1 linewidth 2 pointscale 1.8 "
        "noenhanced background '#ffffff'\nset output {}\n{}",
        2 * frame.width, 2 * frame.height, Quoted((drawing / (plot.name + ".png")).string()),
        ScriptOf(plot, frame));
    for (std::size_t ink = 1; ink < kLight.size(); ++ink) {
      const std::string code = CodeOf(static_cast<Ink>(ink));
      for (std::size_t at; (at = png.find(code)) != png.npos;)
        png.replace(at, code.size(), kLight[ink]);
    }
    script += png;
  }
  fs::create_directories(drawing);
  FILE* const pipe = ::popen("gnuplot", "w");
  if (pipe == nullptr) throw UnavailableError("gnuplot does not start");
  std::fwrite(script.data(), 1, script.size(), pipe);
  if (::pclose(pipe) != 0) throw std::runtime_error("gnuplot failed; its message stands above");
  std::vector<DrawnPlot> drawn;
  for (const Plot& plot : plots) {
    const auto take = [&](const char* ending) {
      return ForPage(ReadAll(drawing / (plot.name + ending)),
                     plot.name + (ending[1] == 'n' ? "_n" : "_w"), plot.alt);
    };
    drawn.push_back({take(".wide"), take(".narrow")});
    fs::rename(drawing / (plot.name + ".png"), folder / (plot.name + ".png"));
  }
  fs::remove_all(drawing);
  return drawn;
}

}  // namespace samebits
