#include "conformance/surroundings.h"

#include <cfenv>
#include <clocale>
#include <cstdlib>

#include "kernels/core/floating_point.h"
#include "kernels/cuda/stream.h"

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

// Our own build's; nothing else here asks for a locale, so LOCPATH may stay.
bool SetCommaLocale() {
  ::setenv("LOCPATH", SAMEBITS_LOCALES, 1);
  return std::setlocale(LC_ALL, "de_DE.UTF-8") != nullptr;
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
    if (!has_one) return "built without a locale of decimal commas: no package locales then";
  }
  return {};
}

Surroundings::Surroundings(const Setting& setting)
    : isa_(IsaOf(setting)),
      pipeline_({.map_threads = setting.map_threads, .prefetch = setting.prefetch}),
      former_locale_(std::setlocale(LC_ALL, nullptr)),
      former_state_(FloatingPointControl()),
      state_(StateOf(setting).value_or(former_state_)) {
  if (setting.poison_scratch) poison_.emplace();
  if (setting.contention) contention_.emplace();
  if (setting.comma_locale) SetCommaLocale();
  SetEmulatedSchedule(setting.schedule);
  SetFloatingPointControl(state_);
}

Surroundings::~Surroundings() {
  SetFloatingPointControl(former_state_);
  SetEmulatedSchedule(kInOrder);
  std::setlocale(LC_ALL, former_locale_.c_str());
}

bool Surroundings::StateKept() const { return FloatingPointControl() == state_; }

}  // namespace samebits
