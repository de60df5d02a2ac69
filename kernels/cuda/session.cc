#include "kernels/cuda/session.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "kernels/core/floating_point.h"

namespace samebits {
namespace {

thread_local const DeviceSession::Scope* innermost = nullptr;

}  // namespace

std::unique_ptr<Device> OpenDevice(const Backend& backend) {
  return &backend == &kCuda ? OpenGpu() : OpenEmulator();
}

// Scratch memory belongs to the call: a graph that was captured uses the same again.
class DeviceSession::Stream : public DeviceStream {
 public:
  Stream(Device& device, std::vector<Memory>& scratch, bool first)
      : device_(device), scratch_(scratch), first_(first) {}

  void* ScratchBytes(std::size_t bytes) override {
    if (first_) scratch_.push_back({device_.Allocate(bytes), bytes});
    const Memory& scratch = scratch_.at(next_++);
    if (scratch.bytes != bytes) {
      throw std::logic_error(
          fmt::format("a kernel asks a session for {} bytes where it first asked for {}", bytes,
                      scratch.bytes));
    }
    return scratch.address;
  }
  void* handle() override { return device_.handle(); }
  int processors() override { return device_.processors(); }
  void CheckLaunch() override { device_.CheckLaunch(); }

 private:
  Device& device_;
  std::vector<Memory>& scratch_;
  const bool first_;
  std::size_t next_ = 0;
};

DeviceSession::Scope::Scope(DeviceSession* session, const Op& op, const Case& c)
    : session_(session), op_(op), case_(c), outer_(std::exchange(innermost, this)) {}
DeviceSession::Scope::~Scope() { innermost = outer_; }

bool DeviceSession::PutOff(const Buffers& host, const StreamFunction& function) {
  if (innermost == nullptr || innermost->session_ == nullptr) return false;
  innermost->session_->Record(innermost->op_, innermost->case_, host, function);
  return true;
}

void DeviceSession::Keep(void* host, std::size_t bytes) {
  if (bytes == 0) return;
  auto* const first = static_cast<std::byte*>(host);
  kept_[first] = {first, bytes, static_cast<std::byte*>(device_->Allocate(bytes))};
}

DeviceSession::Kept* DeviceSession::Find(const void* host) {
  const auto* const byte = static_cast<const std::byte*>(host);
  auto behind = kept_.upper_bound(byte);
  if (behind == kept_.begin()) return nullptr;
  Kept& kept = std::prev(behind)->second;
  return byte < kept.host + kept.bytes ? &kept : nullptr;
}

void DeviceSession::Read(const void* host) {
  Flush();
  Kept* const kept = Find(host);
  if (kept == nullptr) throw std::logic_error("a session is asked for bytes that it does not keep");
  if (!kept->device_is_newer) return;
  device_->Download(kept->host, kept->device, kept->bytes);
  device_->Wait();
  kept->device_is_newer = false;
}

void DeviceSession::Wrote(const void* host) {
  Flush();
  if (Kept* const kept = Find(host)) kept->host_is_newer = true, kept->device_is_newer = false;
}

DeviceSession::Slot DeviceSession::NewSlot(std::size_t bytes) {
  return {static_cast<std::byte*>(device_->AllocateOnHost(bytes)),
          static_cast<std::byte*>(device_->Allocate(bytes)), bytes};
}

DeviceSession::Slot DeviceSession::NextSlot(std::size_t bytes) {
  Slot& slot = slots_[{next_slot_++, bytes}];
  if (slot.host == nullptr) slot = NewSlot(bytes);
  return slot;
}

void DeviceSession::Prefetch(const void* host, std::size_t bytes) {
  const Ahead* const known = FindAhead(host, bytes);
  if (bytes == 0 || (known != nullptr && !known->used)) return;
  const auto spare = std::ranges::find(spare_, bytes, &Slot::bytes);
  const Slot slot = spare == spare_.end() ? NewSlot(bytes) : *spare;
  if (spare != spare_.end()) spare_.erase(spare);
  std::memcpy(slot.host, host, bytes);
  device_->UploadBeside(slot.device, slot.host, bytes);
  ahead_.push_back({static_cast<const std::byte*>(host), slot});
}

// Bytes that lie where others lay may be others.
DeviceSession::Ahead* DeviceSession::FindAhead(const void* host, std::size_t bytes) {
  const auto* const first = static_cast<const std::byte*>(host);
  const auto is = [&](const Ahead& ahead) {
    return ahead.host <= first && first + bytes <= ahead.host + ahead.slot.bytes &&
           std::memcmp(ahead.slot.host + (first - ahead.host), host, bytes) == 0;
  };
  const auto found = std::ranges::find_if(ahead_, is);
  return found == ahead_.end() ? nullptr : &*found;
}

void* DeviceSession::PlaceOfInput(const void* host, std::size_t bytes) {
  if (Kept* const kept = Find(host)) {
    if (kept->host_is_newer) device_->Upload(kept->device, kept->host, kept->bytes);
    kept->host_is_newer = false;
    return kept->device + (static_cast<const std::byte*>(host) - kept->host);
  }
  if (Ahead* const ahead = FindAhead(host, bytes)) {
    ahead->used = true;
    return ahead->slot.device + (static_cast<const std::byte*>(host) - ahead->host);
  }
  const auto copied = copied_.find({host, bytes});
  if (copied != copied_.end() && std::memcmp(copied->second.host, host, bytes) == 0) {
    return copied->second.device;
  }
  const Slot slot = NextSlot(bytes);
  std::memcpy(slot.host, host, bytes);
  pending_.inputs.push_back(slot);
  copied_[{host, bytes}] = slot;
  return slot.device;
}

void* DeviceSession::PlaceOfOutput(void* host, std::size_t bytes) {
  if (Kept* const kept = Find(host)) {
    const bool whole = host == kept->host && bytes == kept->bytes;
    if (kept->host_is_newer && !whole) {
      device_->Upload(kept->device, kept->host, kept->bytes);
    }
    kept->host_is_newer = false, kept->device_is_newer = true;
    return kept->device + (static_cast<std::byte*>(host) - kept->host);
  }
  const Slot slot = NextSlot(bytes);
  pending_.results.push_back({slot, host});
  return slot.device;
}

bool DeviceSession::IsAwaited(const void* host, std::size_t bytes) const {
  const auto* const first = static_cast<const std::byte*>(host);
  return std::ranges::any_of(pending_.results, [&](const Result& result) {
    const auto* const to = static_cast<const std::byte*>(result.to);
    return first < to + result.slot.bytes && to < first + bytes;
  });
}

void DeviceSession::Record(const Op& op, const Case& c, const Buffers& host,
                           const StreamFunction& function) {
  Finish();
  const Signature signature = op.signature(c);
  for (std::size_t i = 0; i < signature.inputs.size(); ++i) {
    if (IsAwaited(host.inputs[i], signature.inputs[i].Bytes())) Flush();
  }
  Call call{function, {}, {}};
  pending_name_ += fmt::format("{}/{}", op.name, c.id());
  for (std::size_t i = 0; i < signature.inputs.size(); ++i) {
    call.device.inputs[i] = PlaceOfInput(host.inputs[i], signature.inputs[i].Bytes());
    pending_name_ += fmt::format(" {}", call.device.inputs[i]);
  }
  for (std::size_t i = 0; i < signature.outputs.size(); ++i) {
    call.device.outputs[i] = PlaceOfOutput(host.outputs[i], signature.outputs[i].Bytes());
    pending_name_ += fmt::format(" {}", call.device.outputs[i]);
  }
  pending_name_ += '\n';
  pending_.calls.push_back(std::move(call));
}

void DeviceSession::Do(Program& program) {
  for (const Slot& slot : program.inputs) device_->Upload(slot.device, slot.host, slot.bytes);
  for (Call& call : program.calls) {
    Stream stream(*device_, call.scratch, program.graph == nullptr && call.scratch.empty());
    call.function(call.device, stream);
  }
  for (const Result& result : program.results) {
    device_->Download(result.slot.host, result.slot.device, result.slot.bytes);
  }
}

void DeviceSession::Launch(Program& program) {
  if (program.graph == nullptr) program.graph = device_->Capture([&] { Do(program); });
  program.graph->Launch();
  ++graphs_launched_;
}

void DeviceSession::Repeat(int times) {
  if (last_ == nullptr) throw std::logic_error("a session is asked to repeat nothing");
  const FloatingPointScope scope;
  if (last_->times != times) {
    last_->repetition = device_->Capture([this, program = last_, times] {
      for (int i = 0; i < times; ++i) Do(*program);
    });
    last_->times = times;
  }
  last_->repetition->Launch();
  ++graphs_launched_;
  device_->Wait();
}

// The first time a program is done as it is, and gets its memory; the second time it is captured.
void DeviceSession::Start() {
  if (pending_.calls.empty()) return;
  const FloatingPointScope scope;
  Program now = std::exchange(pending_, {});
  const auto [place, is_new] = programs_.try_emplace(std::exchange(pending_name_, {}));
  Program& program = place->second;
  copied_.clear();
  next_slot_ = 0;
  awaited_ = now.results;
  if (std::ranges::any_of(ahead_, &Ahead::used)) device_->JoinUploads();
  if (is_new) {
    program = std::move(now);
    Do(program);
  } else {
    Launch(program);
  }
  last_ = &program;
  runs_ = true;
}

void DeviceSession::Finish() {
  if (!std::exchange(runs_, false)) return;
  device_->Wait();
  for (const Result& result : std::exchange(awaited_, {})) {
    std::memcpy(result.to, result.slot.host, result.slot.bytes);
  }
  for (const Ahead& ahead : ahead_) {
    if (ahead.used) spare_.push_back(ahead.slot);
  }
  std::erase_if(ahead_, std::mem_fn(&Ahead::used));
}

void DeviceSession::Flush() {
  Start();
  Finish();
}

}  // namespace samebits
