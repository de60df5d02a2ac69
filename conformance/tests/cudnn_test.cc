// What cuDNN can be asked without a GPU.
#include "kernels/comparators/cudnn.h"

#include <gtest/gtest.h>

#include "conformance/plan.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/core/error.h"

namespace samebits {
namespace {

// Strides, dilations and paddings as cuDNN takes them.
TEST(CudnnTest, TakesEveryConvolution) {
  for (const Op* op : {&conv2d::kForward, &conv2d::kDataGradient, &conv2d::kWeightGradient}) {
    for (const std::string& id : CaseIds(*op)) {
      try {
        EXPECT_GT(comparators::CudnnEngineCount(*op, Case::Parse(id)), 0) << op->name << "/" << id;
      } catch (const UnavailableError& error) {
        GTEST_SKIP() << error.what();
      } catch (const std::runtime_error& error) {
        ADD_FAILURE() << op->name << "/" << id << ": " << error.what();
      }
    }
  }
}

}  // namespace
}  // namespace samebits
