// What surrounds a kernel while a cell runs: all of its setting but threads and memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "conformance/plan.h"
#include "kernels/core/cpu.h"
#include "kernels/core/pipeline_plan.h"
#include "kernels/core/scratch.h"
#include "kernels/cuda/contention.h"

namespace samebits {

// Why this machine lacks what the setting asks for; empty when it has all.
std::string Lacking(const Setting& setting);

// Sets them up for this thread, and gives the former ones back at the end of the scope.
class Surroundings {
 public:
  explicit Surroundings(const Setting& setting);
  ~Surroundings();
  Surroundings(const Surroundings&) = delete;
  Surroundings& operator=(const Surroundings&) = delete;

  // Whether this thread still has the floating-point state that it was given.
  bool StateKept() const;

 private:
  IsaLimit isa_;
  PipelinePlanScope pipeline_;
  std::optional<ScratchPoison> poison_;
  std::optional<GpuContention> contention_;
  std::string former_locale_;
  std::uint64_t former_state_, state_;
};

}  // namespace samebits
