// What the kernels of one promise cost beside those of another: training steps in turns.
#pragma once

#include "kernels/core/team.h"
#include "model/kernel_set.h"
#include "model/trainer.h"

namespace samebits {

struct StepPrice {
  double seconds, everywhere_seconds;  // of a step, medians
  double ratio;                        // seconds / everywhere_seconds, median over the turns
  int turns;
};

// On the first batch, each set with a network of its own, which is thrown away.
StepPrice PriceOfSteps(const Recipe& recipe, const TrainSettings& settings,
                       const TrainingData& data, const KernelSet& kernels,
                       const KernelSet& everywhere, Team& team);

}  // namespace samebits
