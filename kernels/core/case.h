// A case: one problem as a short text id that alone rebuilds it, "n64h15w15c32_k32r3s3_seed812".
//
// Grammar: groups joined by '_'. A group is one or more settings (lower-case letters, then a
// decimal number: "n64", "seed812") or one word without a number ("relu", "cancel").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace samebits {

class Case {
 public:
  // Throws UserError, naming the id and the place, when it does not follow the grammar.
  static Case Parse(std::string_view id);

  const std::string& id() const { return id_; }
  bool Has(std::string_view word) const;
  // The number behind a setting. The first form throws UserError when the case lacks it.
  std::int64_t Get(std::string_view setting) const;
  std::int64_t Get(std::string_view setting, std::int64_t otherwise) const;
  // The same case with another number behind a setting that it has.
  Case With(std::string_view setting, std::int64_t value) const;
  // The same case without a setting that it has.
  Case Without(std::string_view setting) const;
  std::uint64_t Seed() const { return static_cast<std::uint64_t>(Get("seed", 0)); }

  const std::vector<std::pair<std::string, std::int64_t>>& settings() const { return settings_; }
  const std::vector<std::string>& words() const { return words_; }

 private:
  // Where in the id a setting's name and number lie that it has.
  std::pair<std::size_t, std::size_t> PlaceOf(std::string_view setting) const;

  std::string id_;
  std::vector<std::pair<std::string, std::int64_t>> settings_;
  std::vector<std::string> words_;
};

}  // namespace samebits
