#include "benchmarks/all_reduce.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>

#include <fmt/format.h>

#include "kernels/all_reduce/all_reduce.h"
#include "kernels/core/inputs.h"
#include "model/network.h"
#include "model/train_op.h"

namespace samebits {
namespace {

using Floats = std::vector<float>;

// One element's value in a leaf: sums of many magnitudes lose most of their digits, so that another
// order shows.
Floats LeafOf(std::int64_t leaf, std::size_t n) {
  Floats values(n);
  FillFloats(Case::Parse("n1_cancel_seed812"), static_cast<int>(leaf), values);
  return values;
}

Floats SumOf(const Subtree& subtree, std::size_t n) {
  std::vector<Floats> leaves;
  std::vector<Subtree> single;
  std::vector<const float*> parts;
  for (std::int64_t i = 0; i < subtree.leaves; ++i) {
    leaves.push_back(LeafOf(subtree.first + i, n));
    single.push_back({subtree.first + i, 1});
  }
  for (const Floats& leaf : leaves) parts.push_back(leaf.data());
  Floats sum(n);
  float* const out = sum.data();
  all_reduce::SumParts(parts.data(), MeetingOf(single).merges, static_cast<std::int64_t>(n), &out);
  return sum;
}

Floats Slice(const Floats& all, std::size_t first, std::size_t count) {
  const auto begin = all.begin() + static_cast<std::ptrdiff_t>(first);
  return {begin, begin + static_cast<std::ptrdiff_t>(count)};
}

bool SameBits(const Floats& a, const Floats& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// All ranks together, with any of the algorithms.
class Contest {
 public:
  Contest(Transport& transport, const ReduceSettings& settings)
      : collectives_(transport, LeavesInOrder(transport.size(), settings.leaves),
                     settings.collectives) {
    algorithms_ = {kTree, kGatherAndSum};
    for (std::string& own : transport.OwnAllReduces()) algorithms_.push_back(std::move(own));
  }

  const std::vector<std::string>& algorithms() const { return algorithms_; }
  Collectives& collectives() { return collectives_; }

  // parts[0] becomes the sum of all ranks'.
  void Run(const std::string& algorithm, std::vector<Floats>& parts) {
    const auto n = static_cast<std::int64_t>(parts[0].size());
    float* const sum = parts[0].data();
    std::vector<const float*> pointers;
    for (const Floats& part : parts) pointers.push_back(part.data());
    if (algorithm == kTree) return collectives_.AllReduce(pointers, n, sum);
    if (algorithm != kGatherAndSum) return collectives_.AllReduceBy(algorithm, pointers, n, sum);
    for (std::size_t i = 1; i < parts.size(); ++i) {
      std::ranges::transform(parts[0], parts[i], parts[0].begin(), std::plus());
    }
    GatherAndSum(n, sum);
  }

 private:
  void GatherAndSum(std::int64_t n, float* data) {
    constexpr std::int64_t kChunk = 1 << 18;  // elements that are gathered at a time
    const int size = collectives_.size(), rank = collectives_.rank();
    gathered_.resize(static_cast<std::size_t>(size) * kChunk);
    for (std::int64_t first = 0; first < n; first += kChunk) {
      const auto count = static_cast<std::size_t>(std::min(kChunk, n - first));
      std::vector<Send> sends;
      std::vector<Receive> receives;
      std::vector<const float*> messages;
      for (int other = 0; other < size; ++other) {
        float* const place = gathered_.data() + other * kChunk;
        messages.push_back(other == rank ? data + first : place);
        if (other == rank) continue;
        sends.push_back({other, data + first, count * sizeof(float)});
        receives.push_back({other, place, count * sizeof(float)});
      }
      collectives_.transport().Start(sends, receives)->Wait();
      for (std::size_t i = 0; i < count; ++i) {
        float sum = messages[0][i];
        for (std::size_t other = 1; other < messages.size(); ++other) {
          sum = sum + messages[other][i];
        }
        data[first + static_cast<std::int64_t>(i)] = sum;
      }
    }
  }

  Collectives collectives_;
  std::vector<std::string> algorithms_;
  Floats gathered_;
};

// The parts of a rank, all of it or a slice of each.
std::vector<Floats> Slices(const std::vector<Floats>& parts, std::size_t first, std::size_t count) {
  std::vector<Floats> slices;
  for (const Floats& part : parts) slices.push_back(Slice(part, first, count));
  return slices;
}

std::vector<ReduceVerdict> VerdictsOf(Contest& contest, std::int64_t leaves) {
  constexpr std::size_t kElements = 60000, kInFront = 1003;
  constexpr int kRuns = 5;
  constexpr std::size_t kSizes[] = {257, 5003, 30011};
  std::vector<Floats> parts;
  for (const Subtree& own : contest.collectives().own()) {
    parts.push_back(SumOf(own, kInFront + kElements));
  }
  const Floats one_rank = SumOf({0, leaves}, kInFront + kElements);
  std::vector<ReduceVerdict> verdicts;
  for (const std::string& algorithm : contest.algorithms()) {
    const auto reduced = [&](std::size_t first, std::size_t count) {
      std::vector<Floats> message = Slices(parts, first, count);
      contest.Run(algorithm, message);
      return message[0];
    };
    const Floats plain = reduced(kInFront, kElements);
    ReduceVerdict verdict{algorithm, true, true, true, true, true};
    for (int run = 1; run < kRuns; ++run) {
      verdict.runs &= SameBits(reduced(kInFront, kElements), plain);
    }
    for (const std::size_t size : kSizes) {
      verdict.sizes &= SameBits(reduced(kInFront, size), Slice(plain, 0, size));
    }
    verdict.fusing = SameBits(Slice(reduced(0, kInFront + kElements), kInFront, kElements), plain);
    verdict.ranks = SameBits(plain, Slice(one_rank, kInFront, kElements));
    verdict.repeats = verdict.runs && verdict.sizes && verdict.fusing && verdict.ranks;
    verdicts.push_back(verdict);
  }
  return verdicts;
}

double SecondsOf(const std::function<void()>& run) {
  const auto begin = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Rounds of all algorithms one after the other, as TimeInRounds (benchmarks/rounds.h), but on all
// ranks in step.
std::vector<ReducePrice> PricesOf(Contest& contest, std::size_t bytes, int rounds) {
  constexpr double kPart = 0.02;  // seconds of an algorithm's part of a round, at least
  Collectives& collectives = contest.collectives();
  std::vector<Floats> parts(collectives.own().size(), Floats(bytes / sizeof(float)));
  const auto& algorithms = contest.algorithms();
  std::vector<std::vector<double>> times(algorithms.size());
  std::vector<std::int64_t> repeats;
  for (const std::string& algorithm : algorithms) {
    contest.Run(algorithm, parts);
    const double once = SecondsOf([&] { contest.Run(algorithm, parts); });
    const auto wanted = static_cast<std::int64_t>(std::clamp(kPart / once, 1.0, 1000.0));
    repeats.push_back(collectives.Count(collectives.rank() == 0 ? wanted : 0));
  }
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t turn = 0; turn < algorithms.size(); ++turn) {
      const std::size_t i = (turn + static_cast<std::size_t>(round)) % algorithms.size();
      collectives.Count(0);  // until all are here
      const double seconds = SecondsOf([&] {
        for (std::int64_t k = 0; k < repeats[i]; ++k) contest.Run(algorithms[i], parts);
      });
      times[i].push_back(seconds / static_cast<double>(repeats[i]));
    }
  }
  std::vector<ReducePrice> prices;
  for (std::size_t i = 0; i < algorithms.size(); ++i) {
    prices.push_back({bytes, algorithms[i], Median(times[i]), RatioOf(times[i], times[0])});
  }
  return prices;
}

// Networks that differ in nothing but how gradients meet, on this rank's part of the first batch.
std::vector<ReduceStep> StepsOf(Contest& contest, const ReduceSettings& settings) {
  Collectives& collectives = contest.collectives();
  TrainSettings train;
  train.leaves = static_cast<int>(settings.leaves);
  const Recipe& recipe = CnnRecipe();
  const Dataset images = LoadDataset(BuiltinDataDirectory());
  const TrainingData data = ImageData(images, recipe, train);
  const Division division(LeavesInOrder(collectives.size(), settings.leaves), collectives.rank(),
                          settings.leaves, 1);
  std::vector<std::uint32_t> first(static_cast<std::size_t>(train.batch));
  std::iota(first.begin(), first.end(), 0u);
  const KernelSet kernels("auto");
  Team team(1);
  std::vector<std::string> algorithms;
  std::vector<std::unique_ptr<Network>> networks;
  for (const std::string& algorithm : contest.algorithms()) {
    if (algorithm == kGatherAndSum) continue;
    algorithms.push_back(algorithm);
    RandomSources sources(train.seeds);
    networks.push_back(
        std::make_unique<Network>(recipe, *train.stream, sources, division, train.batch, kernels,
                                  team, train.precision, train.loss_scaling,
                                  RankSettings{.collectives = &collectives,
                                               .bucket_bytes = train.bucket_bytes,
                                               .all_reduce = algorithm == kTree ? "" : algorithm}));
  }
  std::vector<std::vector<double>> times(algorithms.size());
  constexpr int kWarmUps = 2, kStepsOfATurn = 4;
  for (int round = -kWarmUps; round < settings.rounds; ++round) {
    for (std::size_t turn = 0; turn < algorithms.size(); ++turn) {
      const std::size_t i = (turn + static_cast<std::size_t>(round + kWarmUps)) % algorithms.size();
      double seconds = 0;
      for (int step = 0; step < kStepsOfATurn; ++step) {
        Division::Part part = division.Of(first, train.batch);
        const auto rows = data.train->InOrder(std::move(part.order), std::move(part.sizes));
        collectives.Count(0);  // until all are here
        seconds += SecondsOf([&] { networks[i]->TrainStep(train.batch, *rows); });
      }
      if (round >= 0) times[i].push_back(seconds / kStepsOfATurn);
    }
  }
  std::vector<ReduceStep> steps;
  for (std::size_t i = 0; i < algorithms.size(); ++i) {
    steps.push_back({algorithms[i], Median(times[i]), RatioOf(times[i], times[0])});
  }
  return steps;
}

struct ReduceModel {
  double seconds_per_message, seconds_per_byte;
};

// From the shortest message what each costs, from the longest what each byte does.
ReduceModel ModelOf(const std::vector<ReducePrice>& prices, const Collectives& collectives) {
  const auto of = [&](const ReducePrice& price) {
    return collectives.TrafficOf(static_cast<std::int64_t>(price.bytes / sizeof(float)));
  };
  const auto is_tree = [](const ReducePrice& price) { return price.algorithm == kTree; };
  const ReducePrice& least = *std::ranges::find_if(prices, is_tree);
  const ReducePrice& most = *std::find_if(prices.rbegin(), prices.rend(), is_tree);
  const auto messages = [](const Traffic& t) { return static_cast<double>(t.messages); };
  const auto bytes = [](const Traffic& t) { return static_cast<double>(t.bytes); };
  ReduceModel model{};
  if (collectives.size() == 1) return model;
  model.seconds_per_message = least.seconds / messages(of(least));
  model.seconds_per_byte =
      std::max(0.0, most.seconds - model.seconds_per_message * messages(of(most))) /
      bytes(of(most));
  return model;
}

}  // namespace

ReduceList PriceAllReduce(Transport& transport, const ReduceSettings& settings,
                          const std::function<void(const std::string&)>& progress) {
  Contest contest(transport, settings);
  ReduceList list{transport.size(), settings.leaves, VerdictsOf(contest, settings.leaves), {}, {}};
  if (settings.steps && transport.size() > 1) {
    progress("training steps");
    list.steps = StepsOf(contest, settings);
  }
  for (std::size_t bytes = settings.least; bytes <= settings.most; bytes *= 4) {
    progress(fmt::format("{} bytes", bytes));
    const std::vector<ReducePrice> prices = PricesOf(contest, bytes, settings.rounds);
    list.prices.insert(list.prices.end(), prices.begin(), prices.end());
  }
  if (list.prices.empty()) return list;
  const ReduceModel model = ModelOf(list.prices, contest.collectives());
  for (ReducePrice& price : list.prices) {
    price.traffic =
        contest.collectives().TrafficOf(static_cast<std::int64_t>(price.bytes / sizeof(float)));
    price.modelled = model.seconds_per_message * static_cast<double>(price.traffic.messages) +
                     model.seconds_per_byte * static_cast<double>(price.traffic.bytes);
  }
  return list;
}

}  // namespace samebits
