#include "kernels/core/pipeline_plan.h"

namespace samebits {
namespace {

PipelinePlan& Plan() {
  static PipelinePlan plan;
  return plan;
}

}  // namespace

PipelinePlan CurrentPipelinePlan() { return Plan(); }

PipelinePlanScope::PipelinePlanScope(const PipelinePlan& plan) : former_(Plan()) { Plan() = plan; }

PipelinePlanScope::~PipelinePlanScope() { Plan() = former_; }

}  // namespace samebits
