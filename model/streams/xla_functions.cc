#include "model/streams/xla_functions.h"

#include "kernels/math/stream_functions.h"

namespace samebits {

float XlaLog(float x) { return stream_functions::LogByXla(x); }
float XlaLog1p(float x) { return stream_functions::Log1pByXla(x); }
float XlaErfInv(float x) { return stream_functions::ErfInvByXla(x); }

}  // namespace samebits
