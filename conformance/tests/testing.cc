#include "conformance/tests/testing.h"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "conformance/problem.h"
#include "kernels/core/digest.h"
#include "kernels/core/registry.h"

namespace samebits {

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "samebits_XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Golden GoldenOf(const Op& op, const std::string& case_id) {
  return {Problem(op, case_id).InputDigest(),
          DigestOf(Judge::Execute(CellOf(Reference(op), case_id)))};
}

void WriteGoldens(const std::filesystem::path& folder, const Op& op,
                  std::span<const std::string> case_ids) {
  GoldenFile file;
  for (const std::string& case_id : case_ids) file.Add(case_id, GoldenOf(op, case_id));
  file.Write(folder, op, "the tests of the harness");
}

Cell CellOf(const Kernel& kernel, const std::string& case_id, std::string_view axis, int point) {
  for (const Axis& candidate : AllAxes()) {
    if (candidate.name == axis) return {&kernel, case_id, &candidate, point};
  }
  throw std::logic_error("no such axis: " + std::string(axis));
}

Judge JudgeIn(const std::filesystem::path& folder) {
  return Judge(folder, [](const Cell& cell) -> Digest {
    throw std::logic_error(cell.Id() + " must not leave this process");
  });
}

std::string Sha256OfText(std::string_view text) {
  return Sha256Hex(std::as_bytes(std::span(text)));
}

std::string ReadText(const std::filesystem::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

void WriteText(const std::filesystem::path& path, std::string_view text) {
  std::ofstream(path) << text;
}

}  // namespace samebits
