#include "conformance/golden.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kernels/core/atomic_file.h"
#include "kernels/core/digest.h"
#include "kernels/core/error.h"
#include "kernels/core/golden_folder.h"

namespace samebits {
namespace {

constexpr std::string_view kSeal = "# seal ";

std::string LineOf(const std::string& case_id, const Golden& golden) {
  return fmt::format("{} in={} out={} blocks={}\n", case_id, golden.input, golden.output.whole,
                     fmt::join(golden.output.blocks, ","));
}

// The text after "KEY=" up to the next blank; empty when it is not there.
std::string Field(std::string_view line, std::string_view key) {
  const std::size_t at = line.find(fmt::format(" {}=", key));
  if (at == line.npos) return {};
  const std::size_t begin = at + key.size() + 2;
  return std::string(line.substr(begin, line.find(' ', begin) - begin));
}

bool IsHex(std::string_view text, std::size_t length) {
  return text.size() == length && text.find_first_not_of("0123456789abcdef") == text.npos;
}

std::string VersionLine() {
  return fmt::format("# schema {}, contract {}", kGoldenSchema, kContractVersion);
}

std::string SealOf(std::string_view lines) {
  return Sha256Hex(std::as_bytes(std::span(lines.data(), lines.size())));
}

}  // namespace

std::filesystem::path GoldenFile::PathOf(const std::filesystem::path& directory, const Op& op) {
  return directory / fmt::format("{}.golden", op.name);
}

GoldenFile GoldenFile::Read(const std::filesystem::path& directory, const Op& op) {
  GoldenFile file;
  const std::filesystem::path path = PathOf(directory, op);
  if (!std::filesystem::exists(path)) return file;
  std::ifstream stream(path);
  std::stringstream content;
  content << stream.rdbuf();
  const std::string text = content.str();

  bool right_operation = false, right_version = false;
  std::string seal;
  std::istringstream lines(text);
  std::string line;
  int number = 0;
  std::size_t sealed_from = std::string::npos;
  const auto fault = [&](std::string_view what) {
    if (file.fault_.empty()) file.fault_ = fmt::format("{}:{}: {}", path.string(), number, what);
  };
  while (std::getline(lines, line)) {
    ++number;
    if (line.starts_with(kSeal)) {
      seal = line.substr(kSeal.size());
      sealed_from = static_cast<std::size_t>(lines.tellg());
    } else if (line.starts_with('#')) {
      right_operation |= line == fmt::format("# operation {}", op.name);
      right_version |= line == VersionLine();
      if (line.starts_with("# written by ")) file.provenance_ += line + "\n";
    } else {
      const std::string case_id = line.substr(0, line.find(' '));
      Golden golden{Field(line, "in"), {Field(line, "out"), {}}};
      std::istringstream blocks(Field(line, "blocks"));
      bool sound = IsHex(golden.input, 64) && IsHex(golden.output.whole, 64);
      for (std::string block; std::getline(blocks, block, ',');) {
        sound = sound && IsHex(block, 16);
        golden.output.blocks.push_back(block);
      }
      if (!sound || !file.lines_.emplace(case_id, golden).second) {
        fault("golden edited: not a line 'case in=… out=… blocks=…', or a case stands twice");
      }
    }
  }
  number = 1;
  if (!right_operation) fault("golden stale: the header names another operation");
  if (!right_version) {
    fault(fmt::format("golden stale: the header is not '{}'", VersionLine()));
  }
  if (sealed_from == std::string::npos || seal != SealOf(text.substr(sealed_from))) {
    fault(
        "golden edited: the lines do not have the digest of '# seal'; only 'samebits golden "
        "propose' writes goldens");
  }
  return file;
}

const Golden* GoldenFile::Find(std::string_view case_id) const {
  const auto line = lines_.find(std::string(case_id));
  return line == lines_.end() ? nullptr : &line->second;
}

void GoldenFile::Add(const std::string& case_id, const Golden& golden) {
  const auto [line, added] = lines_.emplace(case_id, golden);
  if (!added && line->second != golden) {
    throw UserError(
        fmt::format("case '{}' has another golden already; other bits are a new "
                    "version of the operation, not a new golden",
                    case_id));
  }
}

void GoldenFile::Write(const std::filesystem::path& directory, const Op& op,
                       const std::string& provenance) const {
  std::string lines;
  for (const auto& [case_id, golden] : lines_) lines += LineOf(case_id, golden);
  const std::string writer = fmt::format("# written by {}\n", provenance);
  const bool known = provenance_.find(writer) != provenance_.npos;
  WriteFileAtomically(
      PathOf(directory, op),
      fmt::format("# operation {}\n{}\n# order {}\n{}{}{}{}\n{}", op.name, VersionLine(), op.order,
                  provenance_, known ? "" : writer, kSeal, SealOf(lines), lines));
}

std::filesystem::path StoredStreamPath(const std::filesystem::path& directory, const Op& op,
                                       std::int64_t seed) {
  return directory / "streams" / fmt::format("{}_seed{}.bits", op.name, seed);
}

std::filesystem::path GoldenDirectory() {
  const char* const chosen = std::getenv("SAMEBITS_GOLDEN");
  return chosen != nullptr ? chosen : GoldenFolder();
}

}  // namespace samebits
