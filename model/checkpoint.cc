#include "model/checkpoint.h"

#include <fmt/format.h>

#include "kernels/core/error.h"
#include "model/data/npy.h"

namespace samebits {
namespace {

template <class T>
NamedArray Array(const char* name, const std::vector<T>& values) {
  return {name, MakeNpyArray<T>({static_cast<std::int64_t>(values.size())}, std::span(values))};
}

std::vector<std::uint8_t> BytesOf(const std::string& text) { return {text.begin(), text.end()}; }

// Of each step its loss, the 64 digits of its digest, and its epoch.
std::vector<StepRecord> StepsOf(const std::vector<float>& losses,
                                const std::vector<std::uint8_t>& digests,
                                const std::vector<std::int32_t>& epochs) {
  constexpr std::size_t kDigits = 64;
  if (digests.size() != kDigits * losses.size() || epochs.size() != losses.size()) {
    throw UserError("holds lists of different lengths");
  }
  std::vector<StepRecord> steps;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    const auto first = digests.begin() + static_cast<std::ptrdiff_t>(kDigits * i);
    steps.push_back({static_cast<std::int64_t>(i + 1), epochs[i], losses[i],
                     std::string(first, first + kDigits)});
  }
  return steps;
}

}  // namespace

void WriteCheckpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
  const TrainState& state = checkpoint.state;
  std::vector<float> losses;
  std::vector<std::uint8_t> digests;
  std::vector<std::int32_t> epochs;
  for (const StepRecord& step : state.steps) {
    losses.push_back(step.loss);
    digests.insert(digests.end(), step.weights.begin(), step.weights.end());
    epochs.push_back(step.epoch);
  }
  WriteNpz(
      path,
      std::vector<NamedArray>{
          Array("description", BytesOf(checkpoint.description)),
          Array("weights", state.network.weights),
          Array("first_moments", state.network.first_moments),
          Array("second_moments", state.network.second_moments),
          Array("epoch_loss", std::vector{state.epoch.loss}),
          Array("counts", std::vector{state.network.steps, state.epoch.hits, state.epoch.samples}),
          Array("network_counts",
                std::vector<std::int64_t>{state.network.updates, state.network.evaluated,
                                          state.network.scale.exponent, state.network.scale.kept}),
          Array("loss", state.history.loss),
          Array("accuracy", state.history.accuracy),
          Array("val_loss", state.history.val_loss),
          Array("val_accuracy", state.history.val_accuracy),
          Array("step_losses", losses),
          Array("digests", digests),
          Array("epochs", epochs),
      });
}

Checkpoint ReadCheckpoint(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) {
    throw UserError(
        fmt::format("{}: is missing; only a run started with --save-every has one", path.string()));
  }
  const std::vector<NamedArray> arrays = ReadNpz(path);
  try {
    const auto floats = [&](const char* name) { return NpyValues<float>(FindArray(arrays, name)); };
    const auto counts = NpyValues<std::int64_t>(FindArray(arrays, "counts"));
    const auto loss = floats("epoch_loss");
    const auto network = NpyValues<std::int64_t>(FindArray(arrays, "network_counts"));
    if (counts.size() != 3 || network.size() != 4 || loss.size() != 1)
      throw UserError("holds too few counts");
    const auto description = NpyValues<std::uint8_t>(FindArray(arrays, "description"));
    Checkpoint checkpoint;
    checkpoint.description.assign(description.begin(), description.end());
    checkpoint.state = {
        {floats("weights"),
         floats("first_moments"),
         floats("second_moments"),
         counts[0],
         network[0],
         network[1],
         {static_cast<int>(network[2]), network[3]}},
        {loss[0], counts[1], counts[2]},
        {floats("loss"), floats("accuracy"), floats("val_loss"), floats("val_accuracy")},
        StepsOf(floats("step_losses"), NpyValues<std::uint8_t>(FindArray(arrays, "digests")),
                NpyValues<std::int32_t>(FindArray(arrays, "epochs")))};
    const auto steps = static_cast<std::int64_t>(checkpoint.state.steps.size());
    const bool fits = network[0] >= 0 && network[0] <= steps && network[1] >= 0 &&
                      network[2] >= 0 && network[2] <= kLargestLossScale && network[3] >= 0;
    if (counts[0] != steps || counts[1] < 0 || counts[2] < counts[1] || !fits) {
      throw UserError("holds counts that do not fit together");
    }
    return checkpoint;
  } catch (const UserError& error) {
    throw UserError(fmt::format("{}: is no checkpoint: {}", path.string(), error.what()));
  }
}

}  // namespace samebits
