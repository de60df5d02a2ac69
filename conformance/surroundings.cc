#include "conformance/surroundings.h"

#include <algorithm>
#include <array>
#include <cfenv>
#include <clocale>
#include <string_view>

#include "kernels/core/floating_point.h"

namespace samebits {
namespace {

Isa IsaOf(const Setting& setting) {
  return setting.isa_bits == 0     ? BestIsa()
         : setting.isa_bits >= 512 ? Isa::kAvx512
         : setting.isa_bits >= 256 ? Isa::kAvx2
                                   : Isa::kBaseline;
}

// The caller's control word; nothing where this machine cannot have it.
std::optional<std::uint64_t> StateOf(const Setting& setting) {
  switch (setting.caller) {
    case CallerState::kPlain:
      return FloatingPointControl();
    case CallerState::kFlush:
      return ForeignControl(FE_TONEAREST, true);
    case CallerState::kTowardZero:
      return ForeignControl(FE_TOWARDZERO, false);
    default:
      return ForeignControl(FE_DOWNWARD, true);
  }
}

bool SetCommaLocale() {
  constexpr std::array kNames = {"de_DE.UTF-8", "fr_FR.UTF-8", "es_ES.UTF-8", "it_IT.UTF-8",
                                 "nl_NL.UTF-8", "pl_PL.UTF-8", "pt_BR.UTF-8", "ru_RU.UTF-8"};
  return std::any_of(kNames.begin(), kNames.end(), [](const char* name) {
    return std::setlocale(LC_ALL, name) != nullptr &&
           std::string_view(std::localeconv()->decimal_point) == ",";
  });
}

}  // namespace

std::string Lacking(const Setting& setting) {
  if (const Isa isa = IsaOf(setting); isa > BestIsa()) {
    return (isa == Isa::kAvx512 ? kCpuAvx512 : kCpuAvx2).unavailable();
  }
  if (!StateOf(setting)) return "this processor cannot flush subnormals to zero";
  if (setting.comma_locale) {
    const std::string former = std::setlocale(LC_ALL, nullptr);
    const bool has_one = SetCommaLocale();
    std::setlocale(LC_ALL, former.c_str());
    if (!has_one) return "no locale with a decimal comma is installed, such as de_DE.UTF-8";
  }
  return {};
}

Surroundings::Surroundings(const Setting& setting)
    : isa_(IsaOf(setting)),
      former_locale_(std::setlocale(LC_ALL, nullptr)),
      former_state_(FloatingPointControl()),
      state_(StateOf(setting).value_or(former_state_)) {
  if (setting.poison_scratch) poison_.emplace();
  if (setting.comma_locale) SetCommaLocale();
  SetFloatingPointControl(state_);
}

Surroundings::~Surroundings() {
  SetFloatingPointControl(former_state_);
  std::setlocale(LC_ALL, former_locale_.c_str());
}

bool Surroundings::StateKept() const { return FloatingPointControl() == state_; }

}  // namespace samebits
