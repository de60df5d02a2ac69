// A library that is loaded when it is first asked for, and by itself: what several of them export
// under one name stays apart. A table of its functions derives from it:
//   struct Library : SharedLibrary {
//     decltype(&multiply) times = Find("multiply");
//   };
#pragma once

#include <dlfcn.h>

#include <string>
#include <utility>

#include <fmt/format.h>

#include "kernels/core/error.h"

namespace samebits::comparators {

class SharedLibrary {
 public:
  // `remedy` ends the sentence that says it is missing.
  explicit SharedLibrary(std::string file, std::string remedy = {})
      : handle_(::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)),
        not_installed_(fmt::format("{} is not installed{}", file, remedy)) {
    if (handle_ == nullptr) missing_ = not_installed_;
  }

  // Why it cannot be used: it, or a function looked for, is not there. Empty where all were found.
  const std::string& missing() const { return missing_; }
  // Throws UnavailableError that says so.
  void Require() const {
    if (!missing_.empty()) throw UnavailableError(missing_);
  }

 protected:
  class Address {
   public:
    explicit Address(void* address) : address_(address) {}
    template <class Function>
    operator Function*() const {
      return reinterpret_cast<Function*>(address_);
    }

   private:
    void* address_;
  };

  Address Find(const char* name) {
    void* const address = handle_ == nullptr ? nullptr : ::dlsym(handle_, name);
    if (address == nullptr) missing_ = not_installed_;
    return Address(address);
  }

 private:
  void* handle_;  // never closed: threads of the library may outlive its last call
  std::string not_installed_, missing_;
};

}  // namespace samebits::comparators
