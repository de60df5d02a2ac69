// What the harness' own tests share: a folder that goes away, goldens in it, cells by hand.
#pragma once

#include <filesystem>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/golden.h"
#include "conformance/verdict.h"

namespace samebits {

// googletest shows values by these.
inline void PrintTo(Verdict verdict, std::ostream* out) { *out << VerdictName(verdict); }
inline void PrintTo(const Kernel& kernel, std::ostream* out) {
  *out << kernel.op->name << '@' << kernel.name;
}

// An empty folder of its own; removed at the end of the scope.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// The golden of a case as the reference gives it now.
Golden GoldenOf(const Op& op, const std::string& case_id);

// Writes FOLDER/OPERATION.golden with exactly these cases.
void WriteGoldens(const std::filesystem::path& folder, const Op& op,
                  std::span<const std::string> case_ids);

// Throws std::logic_error when there is no such axis.
Cell CellOf(const Kernel& kernel, const std::string& case_id, std::string_view axis = "run",
            int point = 1);

// A judge for cells that never leave this process.
Judge JudgeIn(const std::filesystem::path& folder);

std::string Sha256OfText(std::string_view text);
std::string ReadText(const std::filesystem::path& path);
void WriteText(const std::filesystem::path& path, std::string_view text);

}  // namespace samebits
