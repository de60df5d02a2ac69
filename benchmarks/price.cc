#include "benchmarks/price.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <numeric>

#include <fmt/format.h>

#include "benchmarks/batch_prices.h"
#include "benchmarks/cells.h"
#include "conformance/problem.h"
#include "conformance/verdict.h"
#include "kernels/core/error.h"
#include "kernels/core/registry.h"
#include "kernels/cuda/device_run.h"
#include "kernels/cuda/stream.h"

namespace samebits {
namespace {

struct Group {
  std::string_view prefix, name;  // of operations
};
constexpr Group kGroups[] = {{"conv2d_bgrad_", "reduction"},
                             {"dense_bgrad_", "reduction"},
                             {"embedding_", "reduction"},
                             {"dense_exact_", "exact"},
                             {"dense_", "gemm"},
                             {"conv2d_", "conv2d"},
                             {"maxpool2d_", "pool2d"},
                             {"avgpool2d_", "pool2d"},
                             {"global_avgpool_", "pool2d"},
                             {"softmax_", "softmax"},
                             {"train_cnn_", "train_step"},
                             {"image_batches_", "pipeline"}};

std::string GroupOf(const Op& op) {
  for (const Group& group : kGroups) {
    if (op.name.starts_with(group.prefix)) return std::string(group.name);
  }
  return "elementwise";
}

double FlopsOf(const Op& op, const Case& c) { return op.flops == nullptr ? 0 : op.flops(c); }

// What the short list leaves out.
bool TakesLong(const Op& op, const Case& c) {
  if (IsTraining(op)) return false;  // what all the others are there for
  return FlopsOf(op, c) > 3e8 || BytesOf(op.signature(c)) > 25e6;
}

bool IsLibrary(const Kernel& kernel) { return kernel.claim < Claim::kEverywhere; }
bool IsFast(const Kernel& kernel) { return !IsLibrary(kernel) && kernel.name != "portable"; }

// The numbers that tell what a kernel computed: its outputs, or the losses of its training.
std::vector<float> NumbersOf(const Op& op, const Problem& problem) {
  std::vector<float> numbers;
  const auto& outputs = problem.signature().outputs;
  if (IsTraining(op)) {
    const std::int64_t steps = outputs[0].shape[0], bytes = outputs[0].shape[1];
    for (std::int64_t i = 0; i < steps; ++i) {
      const auto* step = problem.buffers().out<std::uint8_t>(0) + i * bytes;
      numbers.push_back(
          std::bit_cast<float>(step[0] | step[1] << 8 | step[2] << 16 | step[3] << 24));
    }
    return numbers;
  }
  if (op.has_pipeline) {  // samples in any order: their sum
    const float* const y = problem.buffers().out(0);
    return {static_cast<float>(std::accumulate(y, y + outputs[0].Elements(), 0.0))};
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto take = [&]<class T>(const T* data) {
      numbers.insert(numbers.end(), data, data + outputs[i].Elements());
    };
    const int output = static_cast<int>(i);
    if (outputs[i].type == DType::kUint8) {
      take(problem.buffers().out<std::uint8_t>(output));
    } else {
      take(problem.buffers().out(output));
    }
  }
  return numbers;
}

// Whether two kernels compute the same function, by the norm of their difference: a library that
// gives something else is no comparator. It may sum in any order, cut factors to eight bits on a
// device, and train with other masks of dropout, so this is far from a comparison of bits.
bool AreNear(const Op& op, const Backend* device, const std::vector<float>& got,
             const std::vector<float>& want) {
  const double tolerance = IsTraining(op) ? 0.05 : device != nullptr ? 1e-2 : 1e-3;
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double error = double{got[i]} - double{want[i]};
    difference += error * error;
    norm += double{want[i]} * double{want[i]};
  }
  return difference <= tolerance * tolerance * norm;
}

// How long this process' threads had work but no processor since it was made, as the scheduler
// says.
class Waiting {
 public:
  explicit Waiting(int threads) : threads_(threads) {}

  // One thread's price is in its own processor time.
  void AddTo(PriceList& list) const {
    if (threads_ == 1) return;
    const Waiting now(threads_);
    const double seconds = threads_ * std::chrono::duration<double>(now.start_ - start_).count();
    const double waited = 1e-9 * static_cast<double>(now.waited_ - waited_);
    list.waiting =
        (list.waiting * list.processor_seconds + waited) / (list.processor_seconds + seconds);
    list.processor_seconds += seconds;
  }

 private:
  static std::int64_t Nanoseconds() {
    std::int64_t sum = 0;
    for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
      std::int64_t ran = 0, waited = 0;
      if (std::ifstream(thread.path() / "schedstat") >> ran >> waited) sum += waited;
    }
    return sum;
  }

  int threads_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::int64_t waited_ = Nanoseconds();
};

// All kernels of one case on one number of threads.
class Heat {
 public:
  Heat(const std::vector<Cell>& cells, Judge& judge, PriceList& list, const Backend* device)
      : cells_(cells),
        judge_(judge),
        list_(list),
        device_(device),
        op_(*cells[0].kernel->op),
        problem_(std::make_unique<Problem>(op_, cells[0].case_id)),
        flops_(FlopsOf(op_, problem_->case_of())),
        bytes_(static_cast<double>(BytesOf(problem_->signature()))),
        team_(cells[0].point) {}

  // Verifies every kernel's bits, then lets those that hold run.
  void Run(std::map<std::string, std::string>& first_digests) {
    AdmitAll(first_digests);
    if (device_ == nullptr) {
      LeaveOutTheHopeless();
    } else {
      LeaveOutWhatFails();
    }
    if (!HasComparator()) return;
    Time();
    AddPrices();
  }

 private:
  struct Entrant {
    const Cell* cell;
    bool verified;
    std::vector<double> times;
    std::function<void()> run;  // in the memory of this place
  };

  void RunOnce(const Kernel& kernel) {
    samebits::Run(kernel, problem_->case_of(), problem_->buffers(), team_);
  }

  // How often a kernel runs on a GPU before that is waited for, which takes time, too: for a few
  // milliseconds.
  int Times() const {
    return device_ != &kCuda ? 1 : static_cast<int>(std::clamp(3e11 / (flops_ + 1), 1.0, 16.0));
  }

  // How a kernel runs: here, or on its device.
  std::function<void()> RunOf(const Kernel& kernel) {
    if (device_ == nullptr) return [this, &kernel] { RunOnce(kernel); };
    return
        [this, run = std::make_shared<DeviceRun>(kernel, problem_->case_of(), problem_->buffers(),
                                                 team_)] { run->Run(Times()); };
  }

  // How the bytes of the case are moved, as a comparator.
  std::function<void()> MoveBytes() {
    const auto bytes = static_cast<std::size_t>(bytes_);
    if (device_ == nullptr) {
      return [this, triad = std::make_shared<Triad>(bytes)] { triad->Run(team_); };
    }
    return [copy = std::make_shared<DeviceCopy>(*device_, bytes, Times())] { copy->Run(); };
  }

  // What moves data only is compared with the bandwidth.
  bool ComparesWithBandwidth() const { return flops_ == 0; }

  // Without one there is no price: it is listed as absent.
  bool HasComparator() const {
    const bool any_library = std::any_of(entrants_.begin(), entrants_.end(), [](const Entrant& e) {
      return IsLibrary(*e.cell->kernel);
    });
    return !entrants_.empty() && (any_library || ComparesWithBandwidth());
  }

  void Time() {
    std::vector<Contestant> contestants;
    for (Entrant& e : entrants_) contestants.push_back({"", [&e] { e.run(); }});
    if (ComparesWithBandwidth()) contestants.push_back({"", MoveBytes()});
    // A pipeline has threads of its own, so all of it is timed.
    const bool alone = team_.size() == 1 && !op_.has_pipeline && device_ == nullptr;
    const Clock clock = alone ? Clock::kThread : Clock::kWall;
    const Waiting before(team_.size());
    // Where memory lies can change a time by more than rounds differ: a third of the rounds each in
    // memory of its own.
    constexpr int kPlaces = 3;
    std::vector<std::unique_ptr<Problem>> former;  // kept, so that the next one lies elsewhere
    for (int place = 0; place < kPlaces; ++place) {
      for (Entrant& e : entrants_) e.run = RunOf(*e.cell->kernel);
      Rounds rounds = list_.rounds;
      rounds.count = (rounds.count + kPlaces - 1 - place) / kPlaces;
      const auto part = TimeInRounds(contestants, rounds, clock);
      for (std::size_t i = 0; i < part.size(); ++i) {
        auto& times = i < entrants_.size() ? entrants_[i].times : bandwidth_times_;
        for (const double time : part[i]) times.push_back(time / Times());
      }
      if (device_ != nullptr) continue;  // whose memory is each run's own
      former.push_back(std::move(problem_));
      problem_ = std::make_unique<Problem>(op_, cells_[0].case_id);
    }
    before.AddTo(list_);
  }

  void AddPrices() {
    const Entrant* const library = Fastest([](const Kernel& kernel) { return IsLibrary(kernel); });
    std::vector<double> comparator = library ? library->times : bandwidth_times_;
    if (!library) {
      for (double& time : comparator) time /= 0.85;
    }
    const double fewest_seconds = FewestSeconds();
    for (const Claim claim : {Claim::kNone, Claim::kRun, Claim::kMachine, Claim::kEverywhere}) {
      const Entrant* const best =
          Fastest([&](const Kernel& kernel) { return kernel.claim >= claim; });
      if (best == nullptr) continue;
      const double seconds = Median(best->times);
      list_.prices.push_back(
          {.group = GroupOf(op_),
           .operation = std::string(op_.name),
           .case_id = cells_[0].case_id,
           .threads = team_.size(),
           .claim = std::string(ClaimName(claim)),
           .kernel = std::string(best->cell->kernel->name),
           .fastest = library ? std::string(library->cell->kernel->name) : kBandwidth,
           .ratio = RatioOf(comparator, best->times),
           .outcome = "",
           .seconds = seconds,
           .flops = flops_,
           .bytes = bytes_,
           .peak_fraction = fewest_seconds / seconds,
           .verified = best->verified});
    }
    if (device_ != nullptr) AddLibraries();
  }

  // A device's libraries differ in what they compute with: the fastest one alone says too little.
  void AddLibraries() {
    const Entrant* const ours = Fastest([](const Kernel& kernel) { return !IsLibrary(kernel); });
    if (ours == nullptr) return;
    for (const Entrant& e : entrants_) {
      if (!IsLibrary(*e.cell->kernel)) continue;
      list_.libraries.push_back({.operation = std::string(op_.name),
                                 .case_id = cells_[0].case_id,
                                 .library = std::string(e.cell->kernel->name),
                                 .claim = std::string(ClaimName(e.cell->kernel->claim)),
                                 .kernel = std::string(ours->cell->kernel->name),
                                 .ratio = RatioOf(e.times, ours->times),
                                 .seconds = Median(e.times)});
    }
  }

  // At the measured peak of what the operation needs; 0 on devices, whose peak of arithmetic is not
  // measured.
  double FewestSeconds() {
    if (device_ != nullptr) return flops_ > 0 ? 0 : Median(bandwidth_times_);
    const Peak& peak = PeakOf(team_.size());  // of every number of threads: see WasQuiet
    return flops_ > 0 ? flops_ / (peak.gflops * 1e9) : Median(bandwidth_times_);
  }

  const Peak& PeakOf(int threads) {
    for (const Peak& peak : list_.peaks) {
      if (peak.threads == threads) return peak;
    }
    return list_.peaks.emplace_back(MeasurePeak(threads));
  }

  static void AddLine(std::vector<std::string>& lines, const std::string& line) {
    if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
  }

  void AdmitAll(std::map<std::string, std::string>& first_digests) {
    const bool fast = std::any_of(cells_.begin(), cells_.end(), [](const Cell& cell) {
      return IsFast(*cell.kernel) && cell.kernel->backend->unavailable().empty();
    });
    for (const Cell& cell : cells_) {
      // Plain code is priced where there is nothing faster.
      const bool plain = fast && cell.kernel->name == "portable";
      if (!IsLibrary(*cell.kernel) && !plain) Admit(cell, first_digests);
    }
    for (const Cell& cell : cells_) {
      if (IsLibrary(*cell.kernel)) Admit(cell, first_digests);
    }
  }

  // One kernel that fails on a device must not take the prices of all others with it.
  void AddFailure(const Kernel& kernel, const std::exception& error) {
    AddLine(IsLibrary(kernel) ? list_.absent : list_.wrong,
            fmt::format("{}/{}@{}: {}", op_.name, cells_[0].case_id, kernel.name, error.what()));
  }

  void LeaveOutWhatFails() {
    std::erase_if(entrants_, [&](const Entrant& e) {
      try {
        RunOf (*e.cell->kernel)();
        return false;
      } catch (const std::exception& error) {
        AddFailure(*e.cell->kernel, error);
        return true;
      }
    });
  }

  void Admit(const Cell& cell, std::map<std::string, std::string>& first_digests) {
    if (device_ == nullptr) return AdmitOne(cell, first_digests);
    try {
      AdmitOne(cell, first_digests);
    } catch (const std::exception& error) {
      AddFailure(*cell.kernel, error);
    }
  }

  void AdmitOne(const Cell& cell, std::map<std::string, std::string>& first_digests) {
    const Kernel& kernel = *cell.kernel;
    const Outcome outcome = judge_.Evaluate(cell);
    if (outcome.verdict == Verdict::kUnavailable) {
      return AddLine(list_.absent, fmt::format("{}: {}", kernel.name, outcome.reason));
    }
    if (outcome.Failed()) {
      return AddLine(list_.wrong, fmt::format("{}: {}: {}", cell.Id(), VerdictName(outcome.verdict),
                                              outcome.reason));
    }
    if (!IsLibrary(kernel)) {
      entrants_.push_back({&cell, true, {}, {}});
      if (want_.empty()) {
        RunOnce(kernel);
        want_ = NumbersOf(op_, *problem_);
      }
      return;
    }
    RunOnce(kernel);
    if (!want_.empty() && !AreNear(op_, device_, NumbersOf(op_, *problem_), want_)) {
      return AddLine(list_.wrong, fmt::format("{}: gives something else, not other bits of the "
                                              "same function",
                                              cell.Id()));
    }
    const Outcome twice = judge_.Evaluate({&kernel, cell.case_id, &AllAxes()[0], 2});
    Drift& drift = DriftOf(kernel.name);
    ++drift.cells;
    drift.golden += outcome.verdict == Verdict::kMatch;
    drift.runs += twice.verdict == Verdict::kMismatch;
    const auto first = first_digests.try_emplace(
        fmt::format("{}/{}@{}", op_.name, cell.case_id, kernel.name), outcome.output.whole);
    drift.threads += first.first->second != outcome.output.whole;
    entrants_.push_back({&cell, !twice.Failed(), {}, {}});
  }

  Drift& DriftOf(std::string_view kernel) {
    for (Drift& drift : list_.drifts) {
      if (drift.kernel == kernel) return drift;
    }
    return list_.drifts.emplace_back(Drift{std::string(kernel)});
  }

  // Kernels of which another, with the same claim or a stronger one, is far faster. Libraries only
  // give way to libraries.
  void LeaveOutTheHopeless() {
    std::vector<double> seconds;
    for (const Entrant& e : entrants_) {
      seconds.push_back(Estimate([&] { RunOnce(*e.cell->kernel); }));
    }
    std::vector<Entrant> kept;
    for (std::size_t i = 0; i < entrants_.size(); ++i) {
      bool hopeless = false;
      for (std::size_t j = 0; j < entrants_.size(); ++j) {
        const Kernel &a = *entrants_[i].cell->kernel, &b = *entrants_[j].cell->kernel;
        hopeless |=
            IsLibrary(a) == IsLibrary(b) && b.claim >= a.claim && seconds[i] > 1.5 * seconds[j];
      }
      if (!hopeless) kept.push_back(entrants_[i]);
    }
    entrants_ = std::move(kept);
  }

  template <class Condition>  // bool Condition(const Kernel&)
  const Entrant* Fastest(const Condition& condition) const {
    const Entrant* best = nullptr;
    for (const Entrant& e : entrants_) {
      if (!condition(*e.cell->kernel)) continue;
      if (best == nullptr || Median(e.times) < Median(best->times)) best = &e;
    }
    return best;
  }

  const std::vector<Cell> cells_;
  Judge& judge_;
  PriceList& list_;
  const Backend* const device_;
  const Op& op_;
  std::unique_ptr<Problem> problem_;
  const double flops_, bytes_;
  Team team_;
  std::vector<Entrant> entrants_;
  std::vector<double> bandwidth_times_;
  std::vector<float> want_;  // what a kernel with the golden's bits computes
};

}  // namespace

bool WasQuiet(const PriceList& list) {
  double one = 0;
  for (const Peak& peak : list.peaks) {
    if (peak.threads == 1) one = peak.gflops;
  }
  const bool cores_for_all =
      std::all_of(list.peaks.begin(), list.peaks.end(),
                  [&](const Peak& peak) { return peak.gflops > 0.75 * peak.threads * one; });
  return cores_for_all && list.waiting < 0.05;
}

bool SaysSomething(const PriceList& list, const Price& price) {
  return price.threads == 1 || WasQuiet(list);
}

void Conclude(PriceList& list) {
  for (Price& price : list.prices) {
    const bool says_something = SaysSomething(list, price);
    price.outcome = says_something && price.ratio.low > 1    ? "faster"
                    : says_something && price.ratio.high < 1 ? "slower"
                                                             : "inconclusive";
  }
}

PriceSettings PriceSettings::Of(bool quick) {
  PriceSettings settings;
  if (quick) {
    settings.only_quick = true;
    settings.batches = false;
    settings.rounds.seconds = 0.004;
  }
  return settings;
}

PriceSettings PriceSettings::On(const Backend& backend) const {
  PriceSettings settings = *this;
  settings.device = &backend;
  settings.rounds.seconds = 0.004;
  return settings;
}

PriceList Prices(std::span<const Kernel* const> kernels, const PriceSettings& settings,
                 const std::function<void(const std::string&)>& progress) {
  Judge judge(GoldenDirectory(), {});
  PriceList list;
  list.rounds = settings.rounds;
  if (settings.device != nullptr) list.device = settings.device->name;
  std::map<std::string, std::string> first_digests;
  bool any = false;
  const auto begin_time = std::chrono::steady_clock::now();
  int left_out = 0;
  const std::vector<Cell> cells = settings.device == nullptr
                                      ? TimedCells(kernels, settings.threads)
                                      : TimedCells(kernels, {1}, settings.device);
  for (std::size_t begin = 0, end; begin < cells.size(); begin = end) {
    const Cell& first = cells[begin];
    const Op& op = *first.kernel->op;
    for (end = begin; end < cells.size() && cells[end].case_id == first.case_id &&
                      cells[end].point == first.point && cells[end].kernel->op == &op;) {
      ++end;
    }
    const std::string name = fmt::format("{}/{}", op.name, first.case_id);
    if (!MatchesFilter(name, settings.filter)) continue;
    // A step on a device is priced by samebits train --determinism.
    if (settings.device != nullptr && IsTraining(op)) continue;
    if (settings.only_quick && TakesLong(op, Case::Parse(first.case_id))) continue;
    any = true;
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin_time;
    if (settings.budget > 0 && passed.count() > settings.budget) {
      ++left_out;
      continue;
    }
    progress(fmt::format("{} on {} threads", name, first.point));
    Heat heat({cells.begin() + static_cast<std::ptrdiff_t>(begin),
               cells.begin() + static_cast<std::ptrdiff_t>(end)},
              judge, list, settings.device);
    heat.Run(first_digests);
  }
  if (!any) {
    throw UserError(
        fmt::format("no timed case matches '{}'; a filter is like 'conv2d_*'", settings.filter));
  }
  if (left_out > 0) {
    list.absent.push_back(
        fmt::format("{} cases: the {} seconds were over", left_out, settings.budget));
  }
  Conclude(list);
  if (!settings.batches || settings.device != nullptr) return list;
  AddBatchPrices(kernels, list, progress);
  return list;
}

}  // namespace samebits
