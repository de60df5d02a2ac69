#include "conformance/library.h"

#include <dlfcn.h>

#include <algorithm>
#include <deque>
#include <filesystem>

#include <fmt/format.h>

#include "include/samebits/kernel.h"
#include "kernels/core/error.h"
#include "kernels/core/registry.h"
#include "kernels/core/team.h"

namespace samebits {
namespace {

static_assert(static_cast<int>(DType::kFloat32) == SAMEBITS_FLOAT32 &&
              static_cast<int>(DType::kInt32) == SAMEBITS_INT32 &&
              static_cast<int>(DType::kInt64) == SAMEBITS_INT64 &&
              static_cast<int>(DType::kUint8) == SAMEBITS_UINT8 &&
              static_cast<int>(DType::kUint16) == SAMEBITS_UINT16);

// What a library is handed, and behind it the case that answers its questions.
struct Call : samebits_call {
  const Case* of;
};

std::int64_t NumberOf(const samebits_call* call, const char* name, std::int64_t otherwise) {
  return static_cast<const Call*>(call)->of->Get(name, otherwise);
}

std::int32_t HasWord(const samebits_call* call, const char* word) {
  return static_cast<const Call*>(call)->of->Has(word);
}

// Tensors as C sees them; their names end with a zero.
class Tensors {
 public:
  void Add(const Tensor& tensor, void* data) {
    names_.emplace_back(tensor.name);
    tensors_.push_back({names_.back().c_str(), static_cast<std::int32_t>(tensor.type),
                        static_cast<std::int32_t>(tensor.shape.size()), tensor.shape.data(), data});
  }
  std::int32_t count() const { return static_cast<std::int32_t>(tensors_.size()); }
  const samebits_tensor* data() const { return tensors_.data(); }

 private:
  std::deque<std::string> names_;
  std::vector<samebits_tensor> tensors_;
};

void RunLoaded(const samebits_kernel& kernel, const Op& op, const Case& c, const Buffers& buffers,
               const Team& team) {
  const Signature signature = op.signature(c);
  Tensors inputs, outputs;
  for (std::size_t i = 0; i < signature.inputs.size(); ++i) {
    inputs.Add(signature.inputs[i], const_cast<void*>(buffers.inputs[i]));
  }
  for (std::size_t i = 0; i < signature.outputs.size(); ++i) {
    outputs.Add(signature.outputs[i], buffers.outputs[i]);
  }
  const std::string operation(op.name);
  const Call call{{operation.c_str(), c.id().c_str(), team.size(), inputs.count(), outputs.count(),
                   inputs.data(), outputs.data(), NumberOf, HasWord},
                  &c};
  if (const std::int32_t code = kernel.run(&call); code != 0) {
    throw UnavailableError(
        fmt::format("the library's kernel {} does not take it: it returned {}", kernel.name, code));
  }
}

// The backend of the row: its kernel loaded, so it can run.
constexpr Backend kLibrary = {"library", [] { return std::string(); }};

// Rows are never taken back: cells point to them.
struct Row {
  std::string name;
  Loaded loaded;
  Kernel kernel;
};

void Check(const samebits_kernel& row, const std::string& path) {
  const auto fail = [&](const std::string& what) {
    return UserError(fmt::format("{}: {}", path, what));
  };
  const Op* op = FindOp(row.operation);
  if (op == nullptr) {
    throw fail(fmt::format("no operation is named {}; samebits golden list names them all",
                           row.operation));
  }
  const std::string_view name = row.name == nullptr ? "" : row.name;
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (name.empty() || !std::all_of(name.begin(), name.end(), allowed)) {
    throw fail(
        fmt::format("'{}' is no name of a kernel: lower-case letters, digits and '_'", name));
  }
  if (FindKernel(*op, name) != nullptr) {
    throw fail(fmt::format("{} has a kernel {} already; give yours another name", op->name, name));
  }
  if (row.run == nullptr) throw fail(fmt::format("kernel {} has no function", name));
}

}  // namespace

std::vector<const Kernel*> LoadLibrary(const std::string& path) {
  // dlopen looks for a bare name among the system's libraries.
  const std::string absolute = std::filesystem::absolute(path).string();
  void* const handle = ::dlopen(absolute.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) throw UserError(fmt::format("cannot load {}: {}", path, ::dlerror()));
  const auto list =
      reinterpret_cast<decltype(&samebits_kernels)>(::dlsym(handle, "samebits_kernels"));
  if (list == nullptr) {
    throw UserError(fmt::format(
        "{}: exports no samebits_kernels(); include/samebits/kernel.h says what it must be", path));
  }
  const samebits_kernel* const rows = list(SAMEBITS_INTERFACE);
  if (rows == nullptr) {
    throw UserError(fmt::format("{}: was not made for interface {} of samebits/kernel.h", path,
                                SAMEBITS_INTERFACE));
  }
  static std::deque<Row> loaded;
  std::vector<const Kernel*> kernels;
  for (const samebits_kernel* row = rows; row->operation != nullptr; ++row) {
    Check(*row, path);
    Row& kept = loaded.emplace_back();
    kept.name = row->name;
    const Op& op = *FindOp(row->operation);
    kept.loaded = {absolute, [row, &op](const Case& c, const Buffers& buffers, Team& team) {
                     RunLoaded(*row, op, c, buffers, team);
                   }};
    kept.kernel = {&op, kept.name, &kLibrary, Claim::kEverywhere, nullptr, &kept.loaded};
    AddKernel(kept.kernel);
    kernels.push_back(&kept.kernel);
  }
  if (kernels.empty()) throw UserError(fmt::format("{}: lists no kernel", path));
  return kernels;
}

}  // namespace samebits
