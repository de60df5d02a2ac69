// The table of verdicts.
#include "conformance/matrix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "kernels/core/error.h"
#include "kernels/core/registry.h"

namespace samebits {
namespace {

using testing::HasSubstr;

nlohmann::json Line(std::string_view cell, std::string_view verdict, std::string_view reason = "") {
  return {{"cell", cell}, {"verdict", verdict}, {"reason", reason}};
}

constexpr char kPlain[] = "relu_fwd_v1/n7_seed812@avx2#run=1";
constexpr char kTwice[] = "relu_fwd_v1/n7_seed812@avx2#run=2";
constexpr char kThreads[] = "relu_fwd_v1/n7_seed812@avx2#threads=2";

TEST(MatrixTest, CountsVerdicts) {
  Matrix matrix;
  EXPECT_TRUE(matrix.empty());
  matrix.Add(Line(kPlain, "match"));
  matrix.Add(Line(kTwice, "match"));
  matrix.Add(Line(kThreads, "unavailable", "no such processor"));
  EXPECT_FALSE(matrix.Failed());
  EXPECT_THAT(matrix.Text(), HasSubstr("relu_fwd_v1  avx2    2    -        [1]      [2]"));
  EXPECT_THAT(matrix.Text(), HasSubstr("[1]  did not run: no such processor\n"));
  EXPECT_THAT(matrix.Text(), HasSubstr("[2]  not crossed with it: written for one instruction"));
  matrix.Add(Line("relu_fwd_v1/n7_seed42@avx2#run=2", "no golden"));
  EXPECT_TRUE(matrix.Failed());
  EXPECT_THAT(matrix.Text(), HasSubstr(" 2/3! "));
  const nlohmann::json run = matrix.Json().at("rows").at(0).at("axes").at("run");
  EXPECT_EQ(run.at("match"), 2);
  EXPECT_EQ(run.at("failed"), 1);
}

TEST(MatrixTest, DriftIsNoFailure) {
  Matrix matrix;
  matrix.Add(Line("dense_fwd_v1/n1c1_k1_seed812@eigen#run=1", "not promised", "drifts"));
  EXPECT_FALSE(matrix.Failed());
  EXPECT_THAT(matrix.Text(), HasSubstr(" 0/1~ "));
}

TEST(MatrixTest, ReadsLines) {
  std::stringstream lines;
  lines << Line(kPlain, "match") << '\n' << Line(kThreads, "match") << '\n';
  EXPECT_THAT(ReadMatrix(lines, "lines", "*#run=*").Text(),
              HasSubstr("relu_fwd_v1  avx2    1    -        -        "));
  std::stringstream bad(Line(kPlain, "match").dump() + "\n{\"cell\": 1}\n");
  try {
    ReadMatrix(bad, "lines", "");
    FAIL();
  } catch (const UserError& error) {
    EXPECT_STREQ(error.what(), "lines:2: not a line of samebits_conformance --jsonl");
  }
}

// No pair of kernel and axis lacks both: cells, and a reason for having none.
TEST(MatrixTest, NothingIsLeftOutWithoutAReason) {
  std::set<std::pair<const Kernel*, const Axis*>> crossed;
  for (const Cell& cell : Plan(AllKernels())) crossed.insert({cell.kernel, cell.axis});
  for (const Kernel* kernel : AllKernels()) {
    for (const Axis& axis : AllAxes()) {
      EXPECT_NE(crossed.contains({kernel, &axis}), !axis.why_not(*kernel).empty())
          << kernel->op->name << '@' << kernel->name << '#' << axis.name;
    }
  }
}

}  // namespace
}  // namespace samebits
