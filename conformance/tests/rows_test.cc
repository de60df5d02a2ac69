// The registry: every source file has its rows, every row its file, every id reads back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "conformance/plan.h"
#include "conformance/tests/testing.h"
#include "kernels/core/error.h"
#include "kernels/core/registry.h"
#include "kernels/core/rows.h"

namespace samebits {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Folder {
  std::string_view name;
  std::span<const Kernel> rows;
  std::set<std::string> helpers;  // files without a row of their own: contracts, rows, loops
};

std::vector<Folder> Folders() {
  return {
      {"conv2d", rows::Conv2d(), {"conv2d", "kernels", "terms", "tiled"}},
      {"dense", rows::Dense(), {"dense", "kernels"}},
      {"exact", rows::Exact(), {"exact", "kernels"}},
      {"pool2d", rows::Pool2d(), {"pool2d", "kernels"}},
      {"activation", rows::Activation(), {"activation", "kernels"}},
      {"softmax", rows::Softmax(), {"softmax", "kernels"}},
      {"dropout", rows::Dropout(), {"dropout", "kernels"}},
      {"initializer", rows::Initializer(), {"initializer", "kernels"}},
      {"adam", rows::Adam(), {"adam", "kernels"}},
      {"all_reduce", rows::AllReduce(), {"all_reduce", "kernels", "parts"}},
      {"loss", rows::Loss(), {"loss", "kernels"}},
      {"embedding", rows::Embedding(), {"embedding", "kernels"}},
      {"rnn", rows::Rnn(), {"rnn", "kernels"}},
      {"convert", rows::Convert(), {"convert", "kernels", "stored"}},
      // The micro-kernels that conv2d and dense are built on: a file per ISA. Those on pairs of
      // narrower vectors have no rows for the operations that are not made of tiles.
      {"tile", rows::Conv2d(), {"nest", "avx512_on_avx2"}},
  };
}

// Folders of kernels/ that hold no kernels, and that of the libraries to compare with, which have
// the operations they have.
const std::set<std::string> kWithoutRows = {"core", "math", "comparators", "cuda"};

// A file NAME.cc needs a row NAME for every operation of its folder: the files that lack one.
std::vector<std::string> FilesWithoutRows(const std::filesystem::path& path, const Folder& folder) {
  std::vector<std::string> lacking;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    const std::string stem = entry.path().stem().string();
    if (entry.path().extension() == ".h" || entry.path().extension() == ".inc") continue;
    if (folder.helpers.contains(stem)) continue;
    const bool whole = std::all_of(folder.rows.begin(), folder.rows.end(), [&](const Kernel& any) {
      return std::any_of(folder.rows.begin(), folder.rows.end(),
                         [&](const Kernel& row) { return row.op == any.op && row.name == stem; });
    });
    if (!whole) lacking.push_back(entry.path().filename().string());
  }
  return lacking;
}

const std::filesystem::path kKernels = SAMEBITS_SOURCE_DIR "/kernels";

TEST(RowsTest, EveryFileHasItsRows) {
  for (const Folder& folder : Folders()) {
    EXPECT_THAT(FilesWithoutRows(kKernels / folder.name, folder), IsEmpty()) << folder.name;
  }
}

TEST(RowsTest, EveryFolderIsKnown) {
  std::set<std::string> known = kWithoutRows;
  for (const Folder& folder : Folders()) known.emplace(folder.name);
  for (const auto& entry : std::filesystem::directory_iterator(kKernels)) {
    if (!entry.is_directory()) continue;
    EXPECT_TRUE(known.contains(entry.path().filename().string())) << entry.path();
  }
}

TEST(RowsTest, AFileWithoutRowsIsFound) {
  const TemporaryFolder folder;
  for (const char* name : {"reference.cc", "portable.cc", "avx2.cc", "adam.cc", "adam.h"}) {
    WriteText(folder.path() / name, "");
  }
  const Folder adam{"adam", rows::Adam(), {"adam", "kernels"}};
  EXPECT_THAT(FilesWithoutRows(folder.path(), adam), IsEmpty());
  WriteText(folder.path() / "avx9.cc", "");
  EXPECT_THAT(FilesWithoutRows(folder.path(), adam), ElementsAre("avx9.cc"));
}

// A row for one operation of two is a file that the other operation forgot.
TEST(RowsTest, ARowForOneOperationOfTwoIsNotEnough) {
  const TemporaryFolder folder;
  WriteText(folder.path() / "portable.cc", "");
  const Kernel rows[] = {rows::Softmax()[0], rows::Softmax()[1], rows::Softmax().back()};
  ASSERT_EQ(rows[1].name, "portable");
  ASSERT_NE(rows[2].op, rows[1].op);
  EXPECT_THAT(FilesWithoutRows(folder.path(), {"softmax", rows, {}}), ElementsAre("portable.cc"));
}

TEST(RowsTest, RegistryHoldsEveryRow) {
  std::size_t count =
      rows::Training().size() + rows::Pipeline().size() + rows::Comparators().size();
  for (const Folder& folder : Folders()) count += folder.name == "tile" ? 0 : folder.rows.size();
  EXPECT_EQ(AllKernels().size(), count);
}

TEST(RowsTest, OperationsAreComplete) {
  for (const Op* op : AllOps()) {
    SCOPED_TRACE(op->name);
    EXPECT_EQ(FindOp(op->name), op) << "two operations have this name";
    EXPECT_NO_THROW(Reference(*op));
    EXPECT_EQ(Reference(*op).claim, Claim::kEverywhere);
    const auto kernels = AllKernels();
    const auto own = std::count_if(kernels.begin(), kernels.end(),
                                   [&](const Kernel* kernel) { return kernel->op == op; });
    EXPECT_GE(own, 2) << "a reference that nothing is compared with";
    EXPECT_GE(op->cases.size() + op->timed_cases.size(), 2u);
    EXPECT_FALSE(op->order.empty());
  }
  for (const Kernel* kernel : AllKernels()) {
    EXPECT_EQ(FindKernel(*kernel->op, kernel->name), kernel) << "a name stands twice";
  }
}

TEST(RowsTest, CasesMakeSense) {
  for (const Op* op : AllOps()) {
    std::set<std::string> seen;
    for (const std::string& case_id : CaseIds(*op)) {
      SCOPED_TRACE(case_id);
      EXPECT_TRUE(seen.insert(case_id).second) << "stands twice";
      try {
        const Signature signature = op->signature(Case::Parse(case_id));
        EXPECT_FALSE(signature.outputs.empty());
        EXPECT_LE(signature.inputs.size(), static_cast<std::size_t>(Buffers::kMost));
        EXPECT_LE(signature.outputs.size(), static_cast<std::size_t>(Buffers::kMost));
        EXPECT_GT(signature.outputs[0].Elements(), 0);
      } catch (const UnavailableError&) {  // data that is not installed
      }
    }
    const std::set<std::string_view> cases(op->cases.begin(), op->cases.end());
    EXPECT_EQ(cases.size(), op->cases.size()) << op->name << ": a case stands twice";
    EXPECT_TRUE(seen.contains(StoredCaseId(*op, 812)));
  }
}

TEST(RowsTest, CellsReadBack) {
  std::set<std::string> ids;
  for (const Cell& cell : Plan(AllKernels())) {
    const std::string id = cell.Id();
    ASSERT_EQ(id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_/@#="), id.npos) << id;
    const Cell parsed = ParseCell(id);
    ASSERT_EQ(parsed.kernel, cell.kernel) << id;
    ASSERT_EQ(parsed.case_id, cell.case_id) << id;
    ASSERT_EQ(parsed.axis, cell.axis) << id;
    ASSERT_EQ(parsed.point, cell.point) << id;
    ASSERT_TRUE(ids.insert(id).second) << id << " stands twice";
  }
}

TEST(RowsTest, BadCellsAreRefused) {
  for (const char* id : {"", "relu_fwd_v1", "relu_fwd_v1/n1@portable",
                         "relu_fwd_v9/n1@portable#run=1", "relu_fwd_v1/n1@nobody#run=1",
                         "relu_fwd_v1/n1@portable#moon=1", "relu_fwd_v1/n1@portable#run=",
                         "relu_fwd_v1/n1@portable#run=x", "relu_fwd_v1/n1@portable#run=1x",
                         "relu_fwd_v1/n1@portable#run=-1", "relu_fwd_v1/n1@portable#threads=99999",
                         "relu_fwd_v1/1n@portable#run=1", "relu_fwd_v1@n1/portable#run=1"}) {
    EXPECT_THROW(ParseCell(id), UserError) << id;
  }
}

}  // namespace
}  // namespace samebits
