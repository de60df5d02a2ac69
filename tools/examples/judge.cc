// A program of one's own on the libraries: runs every kernel of an operation on one case, and says
// which have the golden's bits.   judge dense_fwd_v1 n64c64_k10_relu_seed812
#include <exception>
#include <iostream>

#include "conformance/verdict.h"
#include "kernels/core/registry.h"

int main(int argc, char** argv) {
  using namespace samebits;
  if (argc != 3) {
    std::cerr << "usage: judge OPERATION CASE\n";
    return 2;
  }
  try {
    Judge judge(GoldenDirectory(), InOwnProcess());
    for (const Kernel* kernel : AllKernels()) {
      if (kernel->op->name != argv[1]) continue;
      const Outcome outcome = judge.Evaluate({kernel, argv[2], &AllAxes()[0], 1});
      std::cout << kernel->name << ": " << VerdictName(outcome.verdict) << '\n';
    }
  } catch (const std::exception& error) {
    std::cerr << "judge: " << error.what() << '\n';
    return 2;
  }
}
