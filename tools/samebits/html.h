// Text as a page shows it.
#pragma once

#include <cstdint>
#include <string>

namespace samebits {

std::string Escaped(const std::string& text);
std::string Thousands(std::int64_t n);  // "21,506"

}  // namespace samebits
