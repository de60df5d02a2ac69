#include "kernels/core/case.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "kernels/core/error.h"

namespace samebits {
namespace {

bool IsLetter(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

Case Case::Parse(std::string_view id) {
  Case result;
  result.id_ = id;
  const auto fail = [&](std::size_t at, std::string_view what) -> UserError {
    return UserError(fmt::format(
        "case '{}': {} at character {}; a case reads like n64h15w15c32_seed812", id, what, at + 1));
  };
  std::size_t at = 0;
  while (true) {  // one group a turn
    const std::size_t group = at;
    do {  // one setting a turn
      const std::size_t name = at;
      while (at < id.size() && IsLetter(id[at])) ++at;
      if (at == name) throw fail(at, "a lower-case letter is missing");
      const std::string key(id.substr(name, at - name));
      const std::size_t number = at;
      while (at < id.size() && IsDigit(id[at])) ++at;
      if (at == number) {
        if (name != group) throw fail(at, "a number is missing");
        result.words_.push_back(key);
        break;
      }
      std::int32_t value = 0;  // so that no product of two settings overflows
      const auto parsed = std::from_chars(id.data() + number, id.data() + at, value);
      if (parsed.ec != std::errc()) throw fail(number, "the number is too large");
      if (std::any_of(result.settings_.begin(), result.settings_.end(),
                      [&](const auto& s) { return s.first == key; })) {
        throw fail(name, "the same setting stands twice");
      }
      result.settings_.emplace_back(key, value);
    } while (at < id.size() && id[at] != '_');
    if (at == id.size()) return result;
    if (id[at] != '_') throw fail(at, "an unexpected character stands");
    ++at;
  }
}

std::pair<std::size_t, std::size_t> Case::PlaceOf(std::string_view setting) const {
  Get(setting);  // throws when there is none
  const auto stands_at = [&](std::size_t at) {
    const std::size_t number = at + setting.size();
    return (at == 0 || !IsLetter(id_[at - 1])) && number < id_.size() && IsDigit(id_[number]);
  };
  std::size_t at = id_.find(setting);
  while (!stands_at(at)) at = id_.find(setting, at + 1);
  std::size_t end = at + setting.size();
  while (end < id_.size() && IsDigit(id_[end])) ++end;
  return {at, end};
}

Case Case::With(std::string_view setting, std::int64_t value) const {
  const auto [begin, end] = PlaceOf(setting);
  return Parse(
      fmt::format("{}{}{}", id_.substr(0, begin + setting.size()), value, id_.substr(end)));
}

Case Case::Without(std::string_view setting) const {
  auto [begin, end] = PlaceOf(setting);
  // A group of nothing else goes with it.
  const bool begins = begin == 0 || id_[begin - 1] == '_';
  const bool ends = end == id_.size() || id_[end] == '_';
  if (begins && ends) {
    if (begin > 0) {
      --begin;
    } else if (end < id_.size()) {
      ++end;
    }
  }
  return Parse(fmt::format("{}{}", id_.substr(0, begin), id_.substr(end)));
}

bool Case::Has(std::string_view word) const {
  return std::find(words_.begin(), words_.end(), word) != words_.end();
}

std::int64_t Case::Get(std::string_view setting) const {
  for (const auto& [key, value] : settings_) {
    if (key == setting) return value;
  }
  throw UserError(fmt::format("case '{}' lacks the setting '{}'", id_, setting));
}

std::int64_t Case::Get(std::string_view setting, std::int64_t otherwise) const {
  for (const auto& [key, value] : settings_) {
    if (key == setting) return value;
  }
  return otherwise;
}

}  // namespace samebits
