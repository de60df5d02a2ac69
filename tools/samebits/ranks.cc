#include "tools/samebits/ranks.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include <fmt/format.h>

#include "collectives/collectives.h"
#include "collectives/engine.h"
#include "conformance/golden.h"
#include "kernels/core/digest.h"
#include "kernels/core/error.h"

namespace samebits {
namespace {

using RankJson = nlohmann::ordered_json;

std::string HostName() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

std::string DigestOfThisProgram() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  return Sha256Hex(std::as_bytes(std::span(bytes)));
}

// The state of a process: 'T' stopped, 'Z' dead, ...; 'X' when there is none.
char StateOf(int process) {
  std::ifstream file(fmt::format("/proc/{}/stat", process));
  std::string line;
  if (!std::getline(file, line)) return 'X';
  const std::size_t name_end = line.rfind(')');
  return name_end + 2 < line.size() ? line[name_end + 2] : 'X';
}

sigset_t Termination() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  return signals;
}

}  // namespace

RankGroup::RankGroup(const std::string& engine, int deadline_seconds) {
  // Before any thread starts, so that all leave the signal to the one that watches.
  const sigset_t signals = Termination();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  transport_ = LoadEngine(engine, std::chrono::seconds(deadline_seconds));
  const RankJson own = {{"host", HostName()}, {"id", ::getpid()}};
  const std::string text = own.dump();
  for (const auto& bytes : AllGatherBytes(*transport_, std::as_bytes(std::span(text)))) {
    const auto* const first = reinterpret_cast<const char*>(bytes.data());
    const RankJson process = RankJson::parse(first, first + bytes.size());
    processes_.push_back({process.at("host"), process.at("id")});
  }
  watcher_ = std::jthread([this](const std::stop_token& stop) { Watch(stop); });
}

void RankGroup::Agree(RankJson own, const std::string& error, int exit_code) {
  own["program"] = DigestOfThisProgram();
  own["contract"] = kContractVersion;
  const std::string text =
      RankJson{{"error", error}, {"exit_code", exit_code}, {"start", own}}.dump();
  std::vector<RankJson> all;
  for (const auto& bytes : AllGatherBytes(*transport_, std::as_bytes(std::span(text)))) {
    const auto* const first = reinterpret_cast<const char*>(bytes.data());
    all.push_back(RankJson::parse(first, first + bytes.size()));
  }
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    const std::string fault = all[rank]["error"];
    if (fault.empty()) continue;
    // What the first rank says is most likely true of all.
    const std::string line = rank == 0 ? fault : fmt::format("rank {}: {}", rank, fault);
    throw AgreedError(line, all[rank]["exit_code"]);
  }
  const RankJson want = all[0]["start"].flatten();
  for (std::size_t rank = 1; rank < all.size(); ++rank) {
    const RankJson has = all[rank]["start"].flatten();
    for (const auto& [key, value] : want.items()) {
      if (has.contains(key) && has[key] == value) continue;
      throw AgreedError(
          fmt::format("rank {} has {} {}, rank 0 has {}: start all ranks alike", rank,
                      key.substr(1), has.contains(key) ? has[key].dump() : "missing", value.dump()),
          kExitUsage);
    }
  }
}

int RankGroup::ThreadsOfARank() const {
  const std::string& host = processes_[static_cast<std::size_t>(rank())].host;
  const auto here = std::ranges::count(processes_, host, &Process::host);
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency() / here));
}

int RankGroup::FindLost(std::string& how) const {
  int lost = -1;
  for (std::size_t rank = 0; rank < processes_.size(); ++rank) {
    const Process& process = processes_[rank];
    if (process.host != processes_[static_cast<std::size_t>(this->rank())].host) continue;
    const char state = StateOf(process.id);
    const bool stopped = state == 'T' || state == 't', dead = state == 'X' || state == 'Z';
    // Of a stopped one others may have despaired, and died.
    if (!stopped && !(dead && lost < 0)) continue;
    how = stopped ? "is stopped" : "has died";
    lost = static_cast<int>(rank);
    if (stopped) break;
  }
  return lost;
}

int RankGroup::Leave(const std::string& error, int exit_code) const {
  if (IsFirst()) fmt::print(stderr, "samebits: {}\n", error);
  return exit_code;
}

// Every rank that is left knows; the first of them tells.
void RankGroup::End(int lost, const std::string& what) {
  if (rank() == (lost == 0 ? 1 : 0)) {
    fmt::print(stderr,
               "\nsamebits: {} at step {}; the run has stopped: resume it from its checkpoint\n",
               what, step_.load());
    std::fflush(stderr);
  } else {
    // Were it gone before the first one looks, it would be taken for the lost one.
    std::this_thread::sleep_for(std::chrono::seconds(3));
  }
  std::_Exit(kExitUnavailable);
}

void RankGroup::EndFor(const RankLost& lost) {
  // Who is waited for may itself wait for the one that is gone.
  std::string how;
  const int gone = FindLost(how);
  if (gone >= 0) End(gone, fmt::format("rank {} {}", gone, how));
  End(lost.rank(), lost.what());
}

void RankGroup::EndFor(const std::string& error, int exit_code) {
  fmt::print(stderr, "\nsamebits: rank {}: {}\n", rank(), error);
  std::fflush(stderr);
  std::_Exit(exit_code);
}

void RankGroup::Watch(const std::stop_token& stop) {
  const sigset_t signals = Termination();
  while (!stop.stop_requested()) {
    const timespec turn = {0, 100'000'000};
    if (::sigtimedwait(&signals, nullptr, &turn) != SIGTERM) continue;
    std::string how;
    const int gone = FindLost(how);
    End(gone, gone >= 0 ? fmt::format("rank {} {}", gone, how) : "told to stop (SIGTERM)");
  }
}

Fault Fault::FromEnvironment() {
  Fault fault;
  const char* const text = std::getenv("SAMEBITS_FAULT");
  if (text == nullptr) return fault;
  std::istringstream words(text);
  std::string rank, step, tensor;
  std::getline(words, fault.kind_, ':');
  std::getline(words, rank, ':');
  std::getline(words, step, ':');
  std::getline(words, tensor);
  const bool flips = fault.kind_ == "flip";
  try {
    fault.rank_ = std::stoi(rank), fault.step_ = std::stoll(step);
    if (flips) fault.tensor_ = std::stoi(tensor.substr(1));
  } catch (const std::exception&) {
    fault.kind_.clear();
  }
  if ((!flips && fault.kind_ != "kill" && fault.kind_ != "stop") || (flips && tensor[0] != 'w')) {
    throw UserError(fmt::format(
        "SAMEBITS_FAULT={}: not kill:RANK:STEP, stop:RANK:STEP or flip:RANK:STEP:TENSOR", text));
  }
  return fault;
}

void Fault::Inject(int rank, std::int64_t step, Network& network) const {
  if (kind_.empty() || rank != rank_ || step != step_) return;
  if (kind_ == "flip") return network.FlipGradientBit(tensor_);
  ::raise(kind_ == "kill" ? SIGKILL : SIGSTOP);
}

}  // namespace samebits
