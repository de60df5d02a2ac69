// SHA-256, as lower-case hexadecimal text.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace samebits {

// Takes bytes piece by piece; Hex() ends the digest.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Add(std::span<const std::byte> bytes);
  // 64 characters. The object takes no more bytes afterwards.
  std::string Hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

inline std::string Sha256Hex(std::span<const std::byte> bytes) {
  Sha256 sha;
  sha.Add(bytes);
  return sha.Hex();
}

}  // namespace samebits
