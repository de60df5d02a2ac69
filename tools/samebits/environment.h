// What the machine and the build are, to be kept beside every result.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace samebits {

nlohmann::ordered_json Environment();

}  // namespace samebits
