// samebits golden: list, verify, compute, propose, diff. Only `propose` writes.
#include <fnmatch.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "conformance/golden.h"
#include "conformance/plan.h"
#include "conformance/problem.h"
#include "conformance/verdict.h"
#include "kernels/core/atomic_file.h"
#include "kernels/core/error.h"
#include "kernels/core/registry.h"
#include "tools/samebits/commands.h"
#include "tools/samebits/environment.h"

namespace samebits {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct GoldenCase {
  const Op* op;
  std::string id;
  std::string Name() const { return fmt::format("{}/{}", op->name, id); }
};

// All cases whose "operation/case" matches the filter, shell style.
std::vector<GoldenCase> CasesLike(const std::string& filter) {
  std::vector<GoldenCase> cases;
  for (const Op* op : AllOps()) {
    for (std::string& id : CaseIds(*op)) {
      GoldenCase c{op, std::move(id)};
      if (fnmatch(filter.c_str(), c.Name().c_str(), 0) == 0 || op->name == filter)
        cases.push_back(std::move(c));
    }
  }
  if (cases.empty()) {
    throw UserError(fmt::format("no case matches '{}'; try samebits golden list", filter));
  }
  return cases;
}

Cell PlainCell(const Op& op, std::string_view kernel, const std::string& case_id) {
  const Kernel* row = FindKernel(op, kernel);
  if (row == nullptr) throw UserError(fmt::format("{} has no kernel '{}'", op.name, kernel));
  return {row, case_id, &AllAxes()[0], 1};
}

Bitstream WriterBits(const GoldenCase& c) {
  const Case parsed = Case::Parse(c.id);
  if (!IsTooLongForReference(*c.op, parsed)) {
    return Judge::Execute(PlainCell(*c.op, "reference", c.id));
  }
  // As much of it as the reference does in seconds: the first steps; 4 of the rows.
  const std::string head =
      IsWholeRun(parsed)
          ? fmt::format("fashion_steps30b64_seed{}", parsed.Get("seed"))
          : fmt::format("n4c{}_k{}_seed{}", parsed.Get("c"), parsed.Get("k"), parsed.Get("seed"));
  if (Judge::Execute(PlainCell(*c.op, "reference", head)) !=
      Judge::Execute(PlainCell(*c.op, "portable", head))) {
    throw UserError(
        fmt::format("{}: portable does not have the reference's bits of {}", c.Name(), head));
  }
  return Judge::Execute(PlainCell(*c.op, "portable", c.id));
}

std::string HexOf(const Bitstream& bits) {
  std::string text;
  for (const std::byte byte : bits) text += fmt::format("{:02x}", std::to_integer<int>(byte));
  return text;
}

bool IsStored(const GoldenCase& c) {
  return c.id == StoredCaseId(*c.op, static_cast<std::int64_t>(Case::Parse(c.id).Seed()));
}

fs::path StreamOf(const GoldenCase& c) {
  return StoredStreamPath(GoldenDirectory(), *c.op,
                          static_cast<std::int64_t>(Case::Parse(c.id).Seed()));
}

int List(const std::string& filter) {
  std::map<const Op*, GoldenFile> files;
  int missing = 0;
  for (const GoldenCase& c : CasesLike(filter)) {
    const auto file = files.try_emplace(c.op, GoldenFile::Read(GoldenDirectory(), *c.op)).first;
    const Golden* golden = file->second.Find(c.id);
    missing += golden == nullptr;
    fmt::print("{} {}\n", c.Name(), golden == nullptr ? "no golden" : golden->output.whole);
  }
  for (const auto& [op, file] : files) {
    if (!file.fault().empty()) throw UserError(file.fault());
  }
  return missing == 0 ? kExitHolds : kExitBitsDiffer;
}

int Verify(const std::string& filter, const std::string& kernel) {
  Judge judge(GoldenDirectory(), {});
  int matched = 0, failed = 0;
  const auto cases = CasesLike(filter);
  auto shown = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const GoldenCase& c = cases[i];
    if (const auto now = std::chrono::steady_clock::now(); now - shown > std::chrono::seconds(10)) {
      fmt::print(stderr, "verifying {}, {} of {}\n", c.Name(), i + 1, cases.size());
      shown = now;
    }
    const bool too_long = IsTooLongForReference(*c.op, Case::Parse(c.id));
    const std::string_view name =
        kernel == "reference" && too_long ? std::string_view("portable") : kernel;
    const Outcome outcome = judge.Evaluate(PlainCell(*c.op, name, c.id));
    matched += outcome.verdict == Verdict::kMatch;
    failed += outcome.Failed();
    if (outcome.verdict != Verdict::kMatch) {
      fmt::print("{}: {}: {}\n", c.Name(), VerdictName(outcome.verdict), outcome.reason);
    }
  }
  fmt::print("{} match, {} failed\n", matched, failed);
  return failed == 0 && matched > 0 ? kExitHolds : kExitBitsDiffer;
}

// One JSON line per case: what the writer of goldens gives here. Writes no golden.
int Compute(const std::string& filter, bool only_missing) {
  for (const GoldenCase& c : CasesLike(filter)) {
    const bool has_line = GoldenFile::Read(GoldenDirectory(), *c.op).Find(c.id) != nullptr;
    const bool needs_stream = IsStored(c) && !fs::exists(StreamOf(c));
    if (only_missing && has_line && !needs_stream) continue;
    fmt::print(stderr, "computing {}\n", c.Name());
    const Bitstream bits = WriterBits(c);
    const Digest digest = DigestOf(bits);
    Json line = {{"case", c.Name()},
                 {"in", Problem(*c.op, c.id).InputDigest()},
                 {"out", digest.whole},
                 {"blocks", digest.blocks}};
    if (IsStored(c)) line["bits"] = HexOf(bits);
    fmt::print("{}\n", line.dump());
    std::fflush(stdout);
  }
  return kExitHolds;
}

struct Writer {
  std::string name, compiler, flags;
};

const Writer kWriters[] = {{"gcc", "g++", "-O0"}, {"clang", "clang++", "-O3"}};

void Must(const std::string& command) {
  fmt::print(stderr, "{}\n", command);
  if (std::system(command.c_str()) != 0) {
    throw UserError(fmt::format("failed: {}", command));
  }
}

Bitstream BytesOf(const std::string& hex) {
  Bitstream bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::map<std::string, Json> ReadComputed(const fs::path& path) {
  std::map<std::string, Json> computed;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    Json parsed = Json::parse(line);
    computed.emplace(parsed.at("case"), std::move(parsed));
  }
  return computed;
}

int Propose(const std::string& filter) {
  CasesLike(filter);
  const fs::path source = SAMEBITS_SOURCE_DIR;
  std::string side_by_side;
  for (const Writer& writer : kWriters) {
    const std::string build = (source / "build" / ("propose-" + writer.name)).string();
    Must(
        fmt::format("cmake -S '{}' -B '{}' -G Ninja -DCMAKE_BUILD_TYPE=Release "
                    "-DCMAKE_CXX_COMPILER={} -DCMAKE_CXX_FLAGS_RELEASE={} >/dev/null && "
                    "cmake --build '{}' --target samebits >/dev/null",
                    source.string(), build, writer.compiler, writer.flags, build));
    side_by_side += fmt::format(
        "SAMEBITS_GOLDEN='{1}' '{0}/bin/samebits' golden compute --missing '{2}' >'{0}/computed' & "
        "p{3}=$!; ",
        build, GoldenDirectory().string(), filter, writer.name);
  }
  Must(side_by_side + "wait $pgcc && wait $pclang");
  const auto gcc = ReadComputed(source / "build/propose-gcc/computed");
  const auto clang = ReadComputed(source / "build/propose-clang/computed");

  const Json environment = Environment();
  const std::string where = fmt::format("{}, {}, {}, revision {}",
                                        environment.at("date").get<std::string>().substr(0, 10),
                                        environment.at("system").get<std::string>(),
                                        environment.at("architecture").get<std::string>(),
                                        environment.at("revision").get<std::string>());
  int written = 0, disagreeing = 0;
  for (const Op* op : AllOps()) {
    GoldenFile file = GoldenFile::Read(GoldenDirectory(), *op);
    if (!file.fault().empty()) throw UserError(file.fault());
    int added = 0;
    std::string writer = "the reference, g++ -O0 and clang++ -O3 agreeing";
    for (const GoldenCase& c : CasesLike("*")) {
      const auto line = gcc.find(c.Name());
      if (c.op != op || line == gcc.end()) continue;
      const auto other = clang.find(c.Name());
      if (other == clang.end() || line->second != other->second) {
        ++disagreeing;
        fmt::print("{}: g++ -O0 and clang++ -O3 disagree: nothing written\n", c.Name());
        continue;
      }
      const Json& computed = line->second;
      file.Add(c.id, {computed.at("in"), {computed.at("out"), computed.at("blocks")}});
      ++added;
      if (IsTooLongForReference(*op, Case::Parse(c.id))) {
        writer = "portable for what takes the reference hours, g++ and clang++ agreeing";
      }
      fmt::print("+ {} {}\n", c.Name(), computed.at("out").get<std::string>());
      if (computed.contains("bits") && !fs::exists(StreamOf(c))) {
        fs::create_directories(StreamOf(c).parent_path());
        WriteFileAtomically(StreamOf(c), BytesOf(computed.at("bits")));
      }
    }
    if (added > 0) file.Write(GoldenDirectory(), *op, fmt::format("{}; {}", writer, where));
    written += added;
  }
  fmt::print("{} lines written, {} refused\n", written, disagreeing);
  return disagreeing == 0 ? kExitHolds : kExitBitsDiffer;
}

int Diff(const fs::path& before, const fs::path& after) {
  int differences = 0;
  const auto show = [&](char sign, const Op& op, const std::string& id, const Golden& golden) {
    ++differences;
    fmt::print("{} {}/{} in={} out={}\n", sign, op.name, id, golden.input, golden.output.whole);
  };
  for (const Op* op : AllOps()) {
    const GoldenFile old = GoldenFile::Read(before, *op), now = GoldenFile::Read(after, *op);
    for (const auto& [id, golden] : old.lines()) {
      const Golden* other = now.Find(id);
      if (other != nullptr && *other == golden) continue;
      show('-', *op, id, golden);
      if (other != nullptr) show('+', *op, id, *other);
    }
    for (const auto& [id, golden] : now.lines()) {
      if (old.Find(id) == nullptr) show('+', *op, id, golden);
    }
  }
  fmt::print("{} differing lines\n", differences);
  return differences == 0 ? kExitHolds : kExitBitsDiffer;
}

}  // namespace

void AddGolden(CLI::App& app, int& exit_code) {
  struct Options {
    std::string filter = "*", kernel = "reference", before, after = GoldenDirectory().string();
    bool missing = false;
  };
  auto o = std::make_shared<Options>();
  CLI::App* golden =
      app.add_subcommand("golden", "What the bits must be, and where they came from");
  golden->require_subcommand(1);
  const std::string about_filter = "Operation, or pattern of operation/case ('conv2d*seed812')";
  const auto add = [&](const char* name, const char* help, const std::function<int()>& run) {
    CLI::App* command = golden->add_subcommand(name, help);
    command->callback([run, &exit_code] { exit_code = run(); });
    return command;
  };
  add("list", "List the cases and their digests; exit 1 when one has none", [o] {
    return List(o->filter);
  })->add_option("FILTER", o->filter, about_filter);
  CLI::App* verify = add("verify", "Run a kernel against the goldens",
                         [o] { return Verify(o->filter, o->kernel); });
  verify->add_option("FILTER", o->filter, about_filter);
  verify->add_option("--kernel", o->kernel, "Name of the kernel rows")->capture_default_str();
  CLI::App* compute = add("compute", "Print what the reference gives, one JSON line a case",
                          [o] { return Compute(o->filter, o->missing); });
  compute->add_option("FILTER", o->filter, about_filter);
  compute->add_flag("--missing", o->missing, "Only cases without a golden");
  add("propose",
      "Write missing goldens, where the reference built by g++ -O0 and by clang++ -O3 agrees; "
      "never alters a line",
      [o] { return Propose(o->filter); })
      ->add_option("FILTER", o->filter, about_filter);
  CLI::App* diff = add("diff", "Compare two golden folders line by line; exit 1 when they differ",
                       [o] { return Diff(o->before, o->after); });
  diff->add_option("BEFORE", o->before, "Golden folder, of another revision say")->required();
  diff->add_option("AFTER", o->after, "Golden folder; default: this source's");
}

}  // namespace samebits
