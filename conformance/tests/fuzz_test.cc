// Random cases are sensible, repeat from their seed, and catch kernels broken on purpose.
#include "conformance/fuzz.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conformance/tests/broken_kernels.h"
#include "kernels/core/registry.h"
#include "kernels/dense/dense.h"

namespace samebits {
namespace {

using testing::HasSubstr;

TEST(FuzzTest, CasesAreThoseOfTheSeed) {
  CaseMaker one(dense::kForward, 7), same(dense::kForward, 7), other(dense::kForward, 8);
  int different = 0;
  for (int i = 0; i < 100; ++i) {
    const std::string id = one.Next();
    EXPECT_NO_THROW(dense::kForward.signature(Case::Parse(id))) << id;
    EXPECT_EQ(id, same.Next());
    different += id != other.Next() ? 1 : 0;
  }
  EXPECT_GT(different, 50);
}

TEST(FuzzTest, SoundKernelsHold) {
  const FuzzReport report = Fuzz(AllKernels(), {.seed = 1, .cases = 100, .progress = {}});
  EXPECT_EQ(report.failure, "");
  EXPECT_EQ(report.cases, 100);
  EXPECT_GE(report.cells, 100);
}

TEST(FuzzTest, BrokenKernelsAreCaught) {
  for (const auto& some : {BrokenDots(), BrokenElements()}) {
    for (const BrokenKernel& broken : some) {
      if (broken.axis != "run" || broken.point != 1) continue;
      const Kernel* const kernel = &broken.kernel;
      const FuzzReport report = Fuzz({&kernel, 1}, {.seed = 1, .cases = 3000, .progress = {}});
      EXPECT_THAT(report.failure, HasSubstr(kernel->name)) << kernel->op->name;
    }
  }
}

}  // namespace
}  // namespace samebits
