// The kernels a network runs on: for each operation the row of one name, or below the claim
// `everywhere` the row of a library that promises what is asked for.
#pragma once

#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "kernels/core/op.h"

namespace samebits {

class KernelSet {
 public:
  // `name` is that of kernel rows ("reference", "portable", "avx2"), or "auto" for the best this
  // machine runs. With a claim below `everywhere` a library's row takes the place of ours, where
  // this machine has one whose claim is at least that, for the processor or the device of `name`:
  //   run, machine  the first in the table of comparators, by the first of its ways, so that every
  //                 run takes the same one
  //   none          whichever of them all, ours among them, is fastest when a case first runs; that
  //                 is measured, so runs may differ
  // Throws UserError when no row has the name, UnavailableError when this machine lacks what they
  // need.
  explicit KernelSet(std::string_view name, Claim claim = Claim::kEverywhere);

  // Never "auto".
  const std::string& name() const { return name_; }
  Claim claim() const { return claim_; }

  // The device that all of them run on; null where that is the processor.
  const Backend* device() const;

  // Our row.
  const Kernel& For(const Op& op) const;

  // Runs the row that is chosen for the case. Several threads may at a time.
  void Run(const Op& op, const Case& c, const Buffers& buffers, Team& team) const;

  // The kernels that have run so far, by operation: "conv2d_fwd_v1": "onednn", or of several cases
  // "avx2, onednn".
  std::map<std::string, std::string> Used() const;
  // The weakest claim among them.
  Claim WeakestUsed() const;

 private:
  const Kernel& Choose(const Op& op, const Case& c, const Buffers& buffers, Team& team) const;
  const Kernel& ChooseOnDevice(std::span<const Kernel* const> libraries, const Kernel& ours,
                               const Case& c, const Buffers& buffers, Team& team) const;

  std::string name_;
  Claim claim_;
  // By operation and case: memory of what was chosen, which changes no choice.
  mutable std::map<const Op*, std::map<std::string, const Kernel*>> chosen_;
  mutable std::mutex mutex_;  // of chosen_
};

}  // namespace samebits
