#include "tools/samebits/keras_page.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "model/streams/initializers.h"
#include "tools/samebits/run_files.h"

namespace samebits {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint32_t kPageSeed = 42;  // of its initializers
constexpr std::int64_t kScalar[] = {1, 1}, kMatrix[] = {3, 5};

// SHA-256 of MNIST's uncompressed training images.
constexpr std::string_view kMnist =
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db";

// What the page shows for each epoch of MNIST.
constexpr struct {
  double accuracy, loss, val_accuracy, val_loss;
} kPageEpochs[] = {{.5418, 1.2867, .9291, .2303}, {.9075, .2983, .9583, .1343}};
constexpr double kPageEvaluation = .9583, kPageMsPerStep = 27;

bool SameBits(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return std::ranges::equal(a, b, [](float x, float y) { return SameBits(x, y); });
}

}  // namespace

bool PageStart::Holds() const {
  return seeded_same && !unseeded_same && std::ranges::all_of(initializers, [](const Row& row) {
           return SameBits(row.first, row.again);
         });
}

PageStart WalkPageStart(const TrainSettings& settings) {
  PageStart start{};
  const Stream& stream = *settings.stream;
  for (const Initializer& initializer : AllInitializers()) {
    const auto value = [&] { return initializer.Values(stream, kPageSeed, kScalar)[0]; };
    start.initializers.push_back({initializer.name, value(), value()});
  }
  const auto glorot_normal = [&](std::uint32_t seed) {
    return FindInitializer("GlorotNormal").Values(stream, seed, kMatrix);
  };
  start.seeded_same = SameBits(glorot_normal(kPageSeed), glorot_normal(kPageSeed));
  RandomSources sources(settings.seeds);
  const std::uint32_t third = sources.NextLayerSeed(), fourth = sources.NextLayerSeed();
  start.unseeded_same = SameBits(glorot_normal(third), glorot_normal(fourth));
  return start;
}

Json JsonOf(const PageStart& start) {
  Json rows = Json::array();
  for (const PageStart::Row& row : start.initializers) {
    rows.push_back({{"initializer", row.initializer},
                    {"values", {row.first, row.again}},
                    {"same", SameBits(row.first, row.again)}});
  }
  return {{"initializers", rows},
          {"seeded_same", start.seeded_same},
          {"unseeded_same", start.unseeded_same}};
}

void Print(const PageStart& start) {
  fmt::print("{:<18}{:<24}again\n", fmt::format("seed {}", kPageSeed), "value");
  for (const PageStart::Row& row : start.initializers) {
    fmt::print("{:<18}{:<24}{}\n", row.initializer,
               fmt::format("{:#}", static_cast<double>(row.first)),
               SameBits(row.first, row.again) ? "the same bits" : "OTHER BITS");
  }
  const auto verdict = [](bool same) { return same ? "equal" : "not equal"; };
  fmt::print("two GlorotNormal(seed={}): {}; two without a seed: {}\n", kPageSeed,
             verdict(start.seeded_same), verdict(start.unseeded_same));
}

void PrintPageEnd(const History& history, double ms_per_step, const NamedData& data) {
  const bool mnist = data.files != nullptr && data.files->train.image_sha256 == kMnist;
  const auto line = [&](const std::string& name, double ours, double page) {
    fmt::print("{:<22}{:>8.4f}{}\n", name, ours, mnist ? fmt::format("{:>10.4f}", page) : "");
  };
  if (mnist) fmt::print("{:<22}{:>8}{:>10}\n", "", "here", "page");
  for (std::size_t i = 0; i < std::min(history.loss.size(), std::size(kPageEpochs)); ++i) {
    const auto& page = kPageEpochs[i];
    const auto name = [&](const char* key) { return fmt::format("epoch {} {}", i + 1, key); };
    line(name("accuracy"), history.accuracy[i], page.accuracy);
    line(name("loss"), history.loss[i], page.loss);
    line(name("val_accuracy"), history.val_accuracy[i], page.val_accuracy);
    line(name("val_loss"), history.val_loss[i], page.val_loss);
  }
  // The page evaluates on what it validates with, so these are the last epoch's bits.
  if (!history.val_accuracy.empty()) {
    line("evaluation accuracy", history.val_accuracy.back(), kPageEvaluation);
  }
  line("ms per step", ms_per_step, kPageMsPerStep);
}

bool HasSavedHistory(const std::filesystem::path& directory) {
  return std::filesystem::exists(directory / "history.json");
}

bool EqualsSavedHistory(const History& history, const std::filesystem::path& directory,
                        std::string& line) {
  const std::string first = FirstDifference(history, directory);
  line = first.empty() ? fmt::format("history: every key equal to {}'s", directory.string())
                       : fmt::format("history differs from {}'s: {}", directory.string(), first);
  return first.empty();
}

}  // namespace samebits
