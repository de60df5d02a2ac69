// What a user can get wrong, and how it is told: one line naming what, where and what to do.
#pragma once

#include <stdexcept>
#include <string>

namespace samebits {

// Exit codes of every command.
enum ExitCode : int {
  kExitHolds = 0,        // what was asked for holds
  kExitBitsDiffer = 1,   // some bits differ
  kExitUsage = 2,        // wrong usage or bad input
  kExitUnavailable = 3,  // asked for something this machine lacks
};

// Bad input or wrong usage: the command prints the message as one line and exits with 2.
class UserError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Bits that must be the same are not: the command prints the message and exits with 1.
class BitsDifferError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// This machine lacks what was asked for: the command prints the message and exits with 3.
class UnavailableError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace samebits
