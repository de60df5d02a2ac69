// samebits engines: what cuDNN's heuristics offer for a GPU, here or elsewhere, and promise.
#include <array>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "conformance/plan.h"
#include "kernels/comparators/cudnn.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/core/atomic_file.h"
#include "kernels/core/error.h"
#include "tools/samebits/commands.h"

namespace samebits {
namespace {

using Json = nlohmann::ordered_json;
using comparators::CudnnEngines;
using comparators::CudnnOffer;

struct Kind {
  std::string_view name;
  CudnnEngines engines;
};
constexpr std::array<Kind, 3> kKinds = {{{"deterministic", CudnnEngines::kDeterministic},
                                         {"binary32", CudnnEngines::kDeterministicBinary32},
                                         {"nondeterministic", CudnnEngines::kNondeterministic}}};

std::string ReadText(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) throw UserError(fmt::format("{}: cannot be read", file));
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::string NameOf(const std::string& device) {
  const Json json = Json::parse(device, nullptr, false);
  return json.is_object() ? json.value("deviceName", "a GPU without name") : "a GPU without name";
}

Json RowOf(const Op& op, const Case& c, const std::vector<CudnnOffer>& offers) {
  Json row = {{"operation", op.name}, {"case", c.id()}, {"offers", Json::array()}};
  for (const CudnnOffer& offer : offers) {
    Json entry;
    entry["engine"] = offer.engine;
    for (const auto& [name, engines] : kKinds) entry[name] = IsAmong(offer, engines);
    row["offers"].push_back(std::move(entry));
  }
  return row;
}

// How many of a kind, and the first of them, which is the one the heuristics like best.
std::string Counted(const Json& offers, std::string_view kind) {
  std::int64_t count = 0, best = -1;
  for (const Json& offer : offers) {
    if (!offer.at(kind).get<bool>()) continue;
    if (count++ == 0) best = offer.at("engine");
  }
  return count == 0 ? "-" : fmt::format("{} ({})", count, best);
}

void Print(const Json& rows, const std::string& device) {
  fmt::print("cuDNN's offers for {}: how many, and the engine it likes best\n", device);
  fmt::print("{:<17}{:<33}{:>7}", "operation", "case", "offers");
  for (const Kind& kind : kKinds) fmt::print("{:>18}", kind.name);
  fmt::print("\n");
  for (const Json& row : rows) {
    const Json& offers = row.at("offers");
    fmt::print("{:<17}{:<33}{:>7}", row.at("operation").get<std::string>(),
               row.at("case").get<std::string>(), offers.size());
    for (const Kind& kind : kKinds) fmt::print("{:>18}", Counted(offers, kind.name));
    fmt::print("\n");
  }
}

}  // namespace

void AddEngines(CLI::App& app, int&) {
  struct Options {
    std::string filter, device_properties, save;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "engines",
      "List cuDNN's engines for the convolutions that are priced, and what each promises: on this "
      "GPU, or on one whose properties were saved");
  command->add_option("FILTER", options->filter, "Only cases like this, as 'conv2d_wgrad*'");
  CLI::Option* properties =
      command->add_option("--device-properties", options->device_properties,
                          "Of that GPU: a file that --save wrote; none need be here");
  command->add_option("--save", options->save, "Write the properties of the first GPU, JSON")
      ->excludes(properties);
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options] {
    const std::string device = options->device_properties.empty()
                                   ? comparators::CudnnDevice()
                                   : ReadText(options->device_properties);
    if (!options->save.empty()) WriteFileAtomically(options->save, device);
    Json rows = Json::array();
    for (const Op* op : {&conv2d::kForward, &conv2d::kDataGradient, &conv2d::kWeightGradient}) {
      for (const std::string_view timed : op->timed_cases) {
        const Case c = Case::Parse(fmt::format("{}_seed812", timed));
        if (!MatchesFilter(fmt::format("{}/{}", op->name, c.id()), options->filter)) continue;
        rows.push_back(RowOf(*op, c, comparators::CudnnOffers(*op, c, device)));
      }
    }
    if (rows.empty()) throw UserError("no case matches; FILTER is like 'conv2d_wgrad*'");
    if (options->json) {
      fmt::print("{}\n", Json{{"device", NameOf(device)}, {"rows", rows}}.dump());
    } else {
      Print(rows, NameOf(device));
    }
  });
}

}  // namespace samebits
