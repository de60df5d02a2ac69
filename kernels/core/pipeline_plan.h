// How the data pipelines of this process run: what may vary while no bit may.
#pragma once

namespace samebits {

struct PipelinePlan {
  int map_threads = 1;  // that prepare batches; 0: none but the consumer
  int prefetch = 2;     // batches prepared ahead of the one the consumer holds
};

PipelinePlan CurrentPipelinePlan();

// While it lives, pipelines that are made follow its plan.
class PipelinePlanScope {
 public:
  explicit PipelinePlanScope(const PipelinePlan& plan);
  ~PipelinePlanScope();
  PipelinePlanScope(const PipelinePlanScope&) = delete;
  PipelinePlanScope& operator=(const PipelinePlanScope&) = delete;

 private:
  const PipelinePlan former_;
};

}  // namespace samebits
