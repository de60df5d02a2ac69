// samebits init: the values that one of Keras' initializers gives.
#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "kernels/core/error.h"
#include "model/data/npy.h"
#include "model/streams/initializers.h"
#include "tools/samebits/commands.h"

namespace samebits {
namespace {

struct InitOptions {
  std::string name, shape = "1,1", stream{kKerasJax.name}, npy;
  std::int64_t seed = 812;
  std::map<std::string, std::optional<std::string>> own;  // the initializer's own options
  bool json = false;
};

// Of "3,5" the sizes 3 and 5; of "" none: a scalar.
std::vector<std::int64_t> ShapeOf(const std::string& text) {
  std::vector<std::int64_t> shape;
  if (text.empty()) return shape;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    std::int64_t size = 0;
    const auto [stop, error] = std::from_chars(at, end, size);
    if (error != std::errc() || (stop != end && *stop != ',')) {
      throw UserError(fmt::format("shape '{}': give sizes with commas between, as 3,3,1,32", text));
    }
    shape.push_back(size);
    if (stop == end) return shape;
    at = stop + 1;
  }
}

// One line for each row of the last dimension. The shortest decimals of the value as binary64, as
// Python prints it: they read back exactly.
void Print(std::span<const std::int64_t> shape, const std::vector<float>& values) {
  const auto row = static_cast<std::size_t>(shape.empty() ? 1 : shape.back());
  for (std::size_t i = 0; i < values.size(); ++i) {
    fmt::print("{:#}{}", static_cast<double>(values[i]), (i + 1) % row == 0 ? '\n' : ' ');
  }
}

void RunInit(const InitOptions& options) {
  Initializer initializer = FindInitializer(options.name);
  for (const auto& [option, value] : options.own) {
    if (value) initializer.Set(option, *value);
  }
  const std::vector<std::int64_t> shape = ShapeOf(options.shape);
  const std::vector<float> values = initializer.Values(
      FindStream(options.stream), static_cast<std::uint32_t>(options.seed), shape);
  if (!options.npy.empty()) WriteNpy(options.npy, MakeNpyArray<float>(shape, values));
  if (options.json) {
    fmt::print("{}\n", nlohmann::ordered_json{{"initializer", options.name},
                                              {"stream", options.stream},
                                              {"seed", options.seed},
                                              {"shape", shape},
                                              {"values", values}}
                           .dump());
  } else {
    Print(shape, values);
  }
}

std::string_view NameOf(const Initializer& initializer) { return initializer.name; }
std::string_view NameOf(const Stream* stream) { return stream->name; }

}  // namespace

void AddInit(CLI::App& app, int&) {
  auto options = std::make_shared<InitOptions>();
  CLI::App* command =
      app.add_subcommand("init", "Print the weights of one of Keras' initializers, bit for bit");
  const auto names = [](const auto& rows) {
    std::vector<std::string_view> all;
    for (const auto& row : rows) all.push_back(NameOf(row));
    return fmt::to_string(fmt::join(all, ", "));
  };
  command
      ->add_option("NAME", options->name,
                   names(AllInitializers()) + " (not Keras' bits: its QR is a library's)")
      ->required();
  AddNumber<std::int64_t>(*command, "--seed", options->seed, 0, 4294967295,
                          "The initializer's seed");
  command->add_option("--shape", options->shape, "Sizes with commas between; '' for a scalar")
      ->capture_default_str();
  command->add_option("--stream", options->stream, "The backend: " + names(AllStreams()))
      ->capture_default_str();
  for (const InitializerOption& option : AllInitializerOptions()) {
    std::vector<std::string_view> takers;
    for (const Initializer& initializer : AllInitializers()) {
      if (std::ranges::find(initializer.takes, option.name) != initializer.takes.end()) {
        takers.push_back(initializer.name);
      }
    }
    command
        ->add_option(fmt::format("--{}", option.name), options->own[std::string(option.name)],
                     fmt::format("{} ({})", option.help, fmt::join(takers, ", ")))
        ->default_str(std::string(option.standard));
  }
  command->add_option("--npy", options->npy, "Also write the values to this file, as NumPy's .npy");
  command->add_flag("--json", options->json, "One line of JSON");
  command->callback([options] { RunInit(*options); });
}

}  // namespace samebits
