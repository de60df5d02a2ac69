#include "tools/samebits/run_files.h"

#include <unistd.h>

#include <bit>
#include <fstream>
#include <sstream>
#include <system_error>

#include <fmt/format.h>

#include "conformance/bitstream.h"
#include "kernels/core/atomic_file.h"
#include "kernels/core/error.h"
#include "model/data/npy.h"

namespace samebits {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

std::vector<Json> ReadJsonLines(const fs::path& path) {
  std::ifstream file(path);
  if (!file)
    throw UserError(fmt::format("{}: cannot be read; is it a run's directory?", path.string()));
  std::vector<Json> lines;
  for (std::string line; std::getline(file, line);) {
    Json parsed = Json::parse(line, nullptr, false);
    if (parsed.is_discarded()) {
      throw UserError(fmt::format("{}:{}: not JSON", path.string(), lines.size() + 1));
    }
    lines.push_back(std::move(parsed));
  }
  return lines;
}

Json ReadJson(const fs::path& path) {
  std::ifstream file(path);
  if (!file)
    throw UserError(fmt::format("{}: cannot be read; is it a run's directory?", path.string()));
  Json parsed = Json::parse(file, nullptr, false);
  if (parsed.is_discarded()) throw UserError(fmt::format("{}: not JSON", path.string()));
  return parsed;
}

// Counts what is compared and keeps the first difference.
class Comparison {
 public:
  void Same(bool same, const std::string& where, const std::string& a, const std::string& b) {
    ++compared_;
    if (same) return;
    ++differing_;
    if (first_.empty()) first_ = fmt::format("{}: {} and {}", where, a, b);
  }
  int compared() const { return compared_; }
  int differing() const { return differing_; }
  const std::string& first() const { return first_; }

 private:
  int compared_ = 0, differing_ = 0;
  std::string first_;
};

void CompareSteps(const std::vector<Json>& a, const std::vector<Json>& b, Comparison& result) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    for (const char* key : {"step", "loss_bits", "weights"}) {
      const Json none = "missing";
      const Json& left = a[i].contains(key) ? a[i][key] : none;
      const Json& right = b[i].contains(key) ? b[i][key] : none;
      result.Same(left == right, fmt::format("step {} {}", i + 1, key), left.dump(), right.dump());
    }
  }
  result.Same(a.size() == b.size(), "number of steps", std::to_string(a.size()),
              std::to_string(b.size()));
}

void CompareHistories(const Json& a, const Json& b, Comparison& result) {
  for (const auto& [key, left] : a.items()) {
    const Json right = b.contains(key) ? b[key] : Json("missing");
    for (std::size_t i = 0; left.is_array() && i < left.size(); ++i) {
      const Json other = right.is_array() && i < right.size() ? right[i] : Json("missing");
      result.Same(left[i] == other, fmt::format("history {} of epoch {}", key, i + 1),
                  left[i].dump(), other.dump());
    }
    const bool both = left.is_array() && right.is_array();
    result.Same(both && left.size() == right.size(), fmt::format("history {}", key),
                fmt::format("{} epochs", left.size()), fmt::format("{} epochs", right.size()));
  }
  for (const auto& [key, value] : b.items()) {
    if (!a.contains(key))
      result.Same(false, fmt::format("history {}", key), "missing", value.dump());
  }
}

void CompareWeights(const std::vector<NamedArray>& a, const std::vector<NamedArray>& b,
                    Comparison& result) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const auto& [name, left] = a[i];
    const auto& [other_name, right] = b[i];
    if (name != other_name || left.shape != right.shape || left.dtype != right.dtype) {
      result.Same(false, fmt::format("tensor {}", name), "another name, shape or type", other_name);
      continue;
    }
    const Tensor tensor{name, left.dtype == "<f4" ? DType::kFloat32 : DType::kUint8,
                        left.dtype == "<f4" ? left.shape
                                            : std::vector<std::int64_t>{
                                                  static_cast<std::int64_t>(left.bytes.size())}};
    const auto divergence = FirstDivergence({&tensor, 1}, left.bytes, right.bytes);
    result.Same(!divergence, divergence ? "tensor " + divergence->element : "",
                divergence ? divergence->got : "", divergence ? divergence->want : "");
  }
  result.Same(a.size() == b.size(), "number of tensors", std::to_string(a.size()),
              std::to_string(b.size()));
}

struct EnvironmentDifference {
  std::string key;  // "settings/threads"
  Json a, b;
};

// What two runs' records say of machine, build and settings, as far as it differs.
std::vector<EnvironmentDifference> DifferencesOf(const Json& a, const Json& b) {
  std::vector<EnvironmentDifference> differences;
  const Json left = a.flatten(), right = b.flatten();
  const auto compare = [&](const std::string& key, const Json& x, const Json& y) {
    // What is no cause: when it was, what came out, and what it took.
    const bool result = key == "/date" || key == "/golden" || key.starts_with("/price_of_");
    if (x != y && !result) differences.push_back({key.substr(1), x, y});
  };
  for (const auto& [key, value] : left.items()) {
    compare(key, value, right.contains(key) ? right[key] : Json("missing"));
  }
  for (const auto& [key, value] : right.items()) {
    if (!left.contains(key)) compare(key, "missing", value);
  }
  return differences;
}

}  // namespace

Json JsonOf(const History& history) {
  Json lists = {{"loss", history.loss}};
  const auto add = [&](const char* key, const std::vector<float>& list) {
    // A recipe without the key has no value of it; a run without a whole epoch has none at all.
    if (list.size() == history.loss.size()) lists[key] = list;
  };
  add("accuracy", history.accuracy);
  add("val_loss", history.val_loss);
  add("val_accuracy", history.val_accuracy);
  return lists;
}

void PrepareRunDirectory(const fs::path& directory) {
  std::error_code error;
  if (fs::exists(directory, error)) {
    if (!fs::is_directory(directory, error)) {
      throw UserError(fmt::format("--out {}: is not a directory", directory.string()));
    }
    if (!fs::is_empty(directory, error) || error) {
      throw UserError(
          fmt::format("--out {}: is not empty; name a new directory", directory.string()));
    }
  } else {
    fs::create_directories(directory, error);
    if (error) {
      throw UserError(
          fmt::format("--out {}: cannot be created: {}", directory.string(), error.message()));
    }
  }
  if (::access(directory.c_str(), W_OK) != 0) {
    throw UserError(fmt::format("--out {}: is not writable", directory.string()));
  }
}

void WriteRun(const fs::path& directory, const TrainResult& result, const Json& environment) {
  std::string lines;
  for (const StepRecord& step : result.steps) {
    lines += Json{{"step", step.step},
                  {"loss", step.loss},
                  {"loss_bits", fmt::format("{:08x}", std::bit_cast<std::uint32_t>(step.loss))},
                  {"weights", step.weights}}
                 .dump() +
             '\n';
  }
  WriteFileAtomically(directory / "digests.jsonl", lines);
  WriteFileAtomically(directory / "history.json", JsonOf(result.history).dump(1) + '\n');
  WriteNpz(directory / "weights.npz", result.weights);
  WriteFileAtomically(directory / "environment.json", environment.dump(1) + '\n');
}

bool CompareRuns(const fs::path& a, const fs::path& b, bool as_json) {
  Comparison steps, history, weights;
  CompareSteps(ReadJsonLines(a / "digests.jsonl"), ReadJsonLines(b / "digests.jsonl"), steps);
  CompareHistories(ReadJson(a / "history.json"), ReadJson(b / "history.json"), history);
  CompareWeights(ReadNpz(a / "weights.npz"), ReadNpz(b / "weights.npz"), weights);
  std::string first;
  for (const Comparison* part : {&steps, &history, &weights}) {
    if (first.empty()) first = part->first();
  }
  const int compared = steps.compared() + history.compared() + weights.compared();
  const int differing = steps.differing() + history.differing() + weights.differing();
  std::vector<EnvironmentDifference> causes;
  if (differing > 0) {
    causes = DifferencesOf(ReadJson(a / "environment.json"), ReadJson(b / "environment.json"));
  }
  if (as_json) {
    Json json = {{"same", differing == 0},
                 {"compared", compared},
                 {"differing", differing},
                 {"first", first},
                 {"environment", Json::array()}};
    for (const EnvironmentDifference& cause : causes) {
      json["environment"].push_back({{"key", cause.key}, {"a", cause.a}, {"b", cause.b}});
    }
    fmt::print("{}\n", json.dump());
  } else if (differing == 0) {
    fmt::print("same bits: {} values of steps, history and weights\n", compared);
  } else {
    fmt::print("bits differ: {} of {} values; first divergence: {}\n", differing, compared, first);
    for (const EnvironmentDifference& cause : causes) {
      fmt::print("environment: {}: {} and {}\n", cause.key, cause.a.dump(), cause.b.dump());
    }
    if (causes.empty()) fmt::print("environment: the records do not differ\n");
  }
  return differing == 0;
}

std::string FirstDifference(const History& history, const fs::path& directory) {
  Comparison result;
  CompareHistories(ReadJson(directory / "history.json"), JsonOf(history), result);
  return result.first();
}

RunCourse ReadRun(const fs::path& directory) {
  try {
    RunCourse course;
    for (const Json& step : ReadJsonLines(directory / "digests.jsonl")) {
      course.losses.push_back(step.at("loss"));
    }
    const Json history = ReadJson(directory / "history.json");
    const std::vector<double> none;  // of a recipe that validates nothing
    course.val_losses = history.value("val_loss", none);
    course.val_accuracies = history.value("val_accuracy", none);
    const Json environment = ReadJson(directory / "environment.json");
    const Json &settings = environment.at("settings"), &data = environment.at("data");
    const std::int64_t batch = settings.at("batch"), count = data.at("train").at("count");
    if (!course.val_losses.empty()) course.steps_per_epoch = (count + batch - 1) / batch;
    course.title = fmt::format(
        "{}, batch {}, seed {}, kernels {}, {} threads", data.at("name").get<std::string>(), batch,
        settings.at("seed").get<std::int64_t>(), settings.at("isa").get<std::string>(),
        settings.at("threads").get<int>());
    course.golden = environment.at("golden");
    return course;
  } catch (const nlohmann::json::exception& error) {
    throw UserError(
        fmt::format("{}: not the directory of a run: {}", directory.string(), error.what()));
  }
}

}  // namespace samebits
