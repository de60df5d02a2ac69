#include "collectives/local.h"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include <fmt/format.h>

namespace samebits {
namespace {

class LocalPending;

// A message of which one side waits for the other.
struct Message {
  LocalPending* owner;
  int peer;
  void* data;
  std::size_t bytes;
  bool is_send;
  bool done = false;  // guarded by the owner's rank
  Message* next = nullptr;
};

// All from one rank to another that has only one side yet: sends or receives, in their order.
struct Mailbox {
  Message *first = nullptr, *last = nullptr;
};

// What all ranks share.
class Hub {
 public:
  Hub(int ranks, std::chrono::milliseconds deadline)
      : ranks_(static_cast<std::size_t>(ranks)),
        boxes_(ranks_.size() * ranks_.size()),
        deadline_(deadline),
        barrier_(ranks) {}

  int size() const { return static_cast<int>(ranks_.size()); }
  std::chrono::milliseconds deadline() const { return deadline_; }

  struct Rank {
    std::mutex mutex;
    std::condition_variable changed;
    std::mutex boxes;  // of what it is sent
  };
  Rank& At(int rank) { return ranks_[static_cast<std::size_t>(rank)]; }
  Mailbox& BoxOf(int from, int to) {
    return boxes_[static_cast<std::size_t>(to) * ranks_.size() + static_cast<std::size_t>(from)];
  }

  // The first to fail is the one that is told.
  void Fail(int rank, const std::string& what) {
    {
      const std::lock_guard lock(failure_mutex_);
      if (!failure_) failure_.emplace(rank, what);
    }
    failed_ = true;
    for (Rank& each : ranks_) {
      const std::lock_guard lock(each.mutex);
      each.changed.notify_all();
    }
  }
  bool failed() const { return failed_; }
  [[noreturn]] void ThrowFailure() {
    const std::lock_guard lock(failure_mutex_);
    throw RankLost(*failure_);
  }

  // Every rank adds what it has, in the order in which they come.
  void AddByAtomics(int rank, float* data, std::size_t elements) {
    if (rank == 0) shared_.assign(elements, 0.0f);
    barrier_.arrive_and_wait();
    for (std::size_t i = 0; i < elements; ++i) std::atomic_ref(shared_[i]).fetch_add(data[i]);
    barrier_.arrive_and_wait();
    std::copy(shared_.begin(), shared_.end(), data);
    barrier_.arrive_and_wait();
  }

 private:
  std::vector<Rank> ranks_;
  std::vector<Mailbox> boxes_;
  const std::chrono::milliseconds deadline_;
  std::mutex failure_mutex_;
  std::optional<RankLost> failure_;
  std::atomic<bool> failed_{false};
  std::barrier<> barrier_;
  std::vector<float> shared_;
};

class LocalPending : public Pending {
 public:
  LocalPending(Hub& hub, int rank, std::span<const Send> sends, std::span<const Receive> receives)
      : hub_(hub), rank_(rank) {
    messages_.reserve(sends.size() + receives.size());
    for (const Send& send : sends) {
      messages_.push_back({this, send.to, const_cast<void*>(send.data), send.bytes, true});
    }
    for (const Receive& receive : receives) {
      messages_.push_back({this, receive.from, receive.data, receive.bytes, false});
    }
    open_ = messages_.size();
    for (Message& message : messages_) Post(message);
  }

  // What was given up is taken back, so that nobody else touches its memory.
  ~LocalPending() override {
    std::unique_lock lock(Own().mutex);
    if (open_ == 0) return;
    lock.unlock();
    for (Message& message : messages_) TakeBack(message);
    lock.lock();
    Own().changed.wait(lock, [&] { return open_ == 0; });
  }

  void Wait() override {
    std::unique_lock lock(Own().mutex);
    const auto ready = [&] { return open_ == 0 || hub_.failed(); };
    const bool in_time = Own().changed.wait_for(lock, hub_.deadline(), ready);
    if (open_ == 0) return;
    if (in_time) hub_.ThrowFailure();
    const Message& late = *std::ranges::find(messages_, false, &Message::done);
    lock.unlock();
    hub_.Fail(late.peer, fmt::format("rank {} has not answered for {:.0f} s", late.peer,
                                     std::chrono::duration<double>(hub_.deadline()).count()));
    hub_.ThrowFailure();
  }

 private:
  Hub::Rank& Own() { return hub_.At(rank_); }

  // Whoever comes second copies.
  void Post(Message& message) {
    const int from = message.is_send ? rank_ : message.peer;
    const int to = message.is_send ? message.peer : rank_;
    Message* other = nullptr;
    {
      const std::lock_guard lock(hub_.At(to).boxes);
      Mailbox& box = hub_.BoxOf(from, to);
      if (box.first != nullptr && box.first->is_send != message.is_send) {
        other = box.first;
        box.first = other->next;
      } else {
        (box.first == nullptr ? box.first : box.last->next) = &message;
        box.last = &message;
      }
    }
    if (other == nullptr) return;
    const Message& send = message.is_send ? message : *other;
    const Message& receive = message.is_send ? *other : message;
    if (send.bytes != receive.bytes) {
      throw std::logic_error("a message of another length than its receiver expects");
    }
    std::memcpy(receive.data, send.data, send.bytes);
    Complete(message);
    Complete(*other);
  }

  static void Complete(Message& message) {
    Hub::Rank& rank = message.owner->Own();
    const std::lock_guard lock(rank.mutex);
    message.done = true;
    if (--message.owner->open_ == 0) rank.changed.notify_all();
  }

  void TakeBack(Message& message) {
    const int from = message.is_send ? rank_ : message.peer;
    const int to = message.is_send ? message.peer : rank_;
    const std::lock_guard lock(hub_.At(to).boxes);
    Mailbox& box = hub_.BoxOf(from, to);
    Message* before = nullptr;
    for (Message* at = box.first; at != nullptr; before = at, at = at->next) {
      if (at != &message) continue;
      (before == nullptr ? box.first : before->next) = at->next;
      if (box.last == at) box.last = before;
      Complete(message);
      return;
    }
  }

  Hub& hub_;
  const int rank_;
  std::vector<Message> messages_;
  std::size_t open_;  // guarded by the rank
};

constexpr std::string_view kAtomics = "atomics";

class LocalTransport : public Transport {
 public:
  LocalTransport(Hub& hub, int rank) : hub_(hub), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return hub_.size(); }
  std::unique_ptr<Pending> Start(std::span<const Send> sends,
                                 std::span<const Receive> receives) override {
    return std::make_unique<LocalPending>(hub_, rank_, sends, receives);
  }
  std::vector<std::string> OwnAllReduces() override { return {std::string(kAtomics)}; }
  void OwnAllReduce(std::string_view, float* data, std::size_t elements) override {
    hub_.AddByAtomics(rank_, data, elements);
  }

 private:
  Hub& hub_;
  const int rank_;
};

}  // namespace

void RunLocalRanks(int ranks, const std::function<void(Transport&)>& body,
                   std::chrono::milliseconds deadline) {
  Hub hub(ranks, deadline);
  std::mutex mutex;
  std::exception_ptr first;  // that is no consequence of another
  const auto run = [&](int rank) {
    try {
      LocalTransport transport(hub, rank);
      body(transport);
    } catch (const std::exception& error) {
      const std::lock_guard lock(mutex);
      if (!first && !(hub.failed() && dynamic_cast<const RankLost*>(&error))) {
        first = std::current_exception();
      }
      hub.Fail(rank, fmt::format("rank {} has failed: {}", rank, error.what()));
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int rank = 1; rank < ranks; ++rank) threads.emplace_back(run, rank);
    run(0);
  }
  if (first) std::rethrow_exception(first);
  if (hub.failed()) hub.ThrowFailure();
}

}  // namespace samebits
