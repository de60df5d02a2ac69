// In the place of cudnn.cc where its headers were not found.
#include "kernels/comparators/cudnn.h"
#include "kernels/core/error.h"

namespace samebits::comparators {
namespace {

[[noreturn]] void Throw() {
  throw UnavailableError("built without cuDNN, whose headers were not found");
}

}  // namespace

std::vector<CudnnOffer> CudnnOffers(const Op&, const Case&, const std::string&) { Throw(); }
std::string CudnnDevice() { Throw(); }
void RunCudnnConvolution(const Op&, CudnnEngines, const Case&, const Buffers&) { Throw(); }
void RunCudnnLayer(const Op&, bool, const Case&, const Buffers&) { Throw(); }
std::pair<int, int> CudnnPoolingOutput(const Case&) { Throw(); }
std::int64_t CudnnEngineCount(const Op&, const Case&) { Throw(); }

}  // namespace samebits::comparators
