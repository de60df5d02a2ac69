// Goldens: what the reference computed, in text that a person can review. golden/README.md has the
// format. A golden is never written in passing: only `samebits golden propose` calls Write.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "conformance/bitstream.h"
#include "kernels/core/op.h"

namespace samebits {

inline constexpr int kGoldenSchema = 1;
inline constexpr int kContractVersion = 1;

struct Golden {
  std::string input;  // SHA-256 of the inputs
  Digest output;

  bool operator==(const Golden&) const = default;
};

class GoldenFile {
 public:
  // Reads DIRECTORY/OPERATION.golden; a file that is not there holds no line.
  static GoldenFile Read(const std::filesystem::path& directory, const Op& op);

  static std::filesystem::path PathOf(const std::filesystem::path& directory, const Op& op);

  // Why no line of this file can be trusted: edited by hand, of another version; empty when fine.
  const std::string& fault() const { return fault_; }
  const std::map<std::string, Golden>& lines() const { return lines_; }
  // Null when there is none.
  const Golden* Find(std::string_view case_id) const;

  // Throws UserError when the file has another line for the case already.
  void Add(const std::string& case_id, const Golden& golden);
  // Writes the whole file at once: header, seal, sorted lines.
  void Write(const std::filesystem::path& directory, const Op& op,
             const std::string& provenance) const;

 private:
  std::string fault_;
  std::string provenance_;  // of the lines read: who wrote them
  std::map<std::string, Golden> lines_;
};

// The whole bitstream of an operation's stored case, golden/streams/OPERATION_seedN.bits.
std::filesystem::path StoredStreamPath(const std::filesystem::path& directory, const Op& op,
                                       std::int64_t seed);

// GoldenFolder(), or SAMEBITS_GOLDEN when set.
std::filesystem::path GoldenDirectory();

}  // namespace samebits
