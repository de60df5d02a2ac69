#include "kernels/core/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "kernels/core/error.h"

namespace samebits {
namespace {

[[noreturn]] void Fail(const std::filesystem::path& path) {
  const int error = errno;
  const char* advice = "choose another place, or change its permissions";
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    advice = "make room, or choose another place";
  }
  throw UserError(
      fmt::format("{}: cannot be written: {}; {}", path.string(), std::strerror(error), advice));
}

std::filesystem::path FolderOf(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

// A new, empty file beside its target; removed unless it was renamed. Where the file system can, it
// has no name before it is whole, so that a writer killed halfway leaves nothing.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& target) : target_(target) {
    descriptor_ = open(FolderOf(target).c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
    if (descriptor_ >= 0) return;
    Name([this] {
      descriptor_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      return descriptor_ >= 0;
    });
  }

  ~TemporaryFile() {
    if (descriptor_ >= 0) close(descriptor_);
    if (!renamed_ && !path_.empty()) unlink(path_.c_str());
  }

  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void Write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) Fail(target_);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  void RenameToTarget() {
    if (fsync(descriptor_) != 0) Fail(target_);
    if (path_.empty()) {
      const std::string nameless = fmt::format("/proc/self/fd/{}", descriptor_);
      Name([&] {
        return linkat(AT_FDCWD, nameless.c_str(), AT_FDCWD, path_.c_str(), AT_SYMLINK_FOLLOW) == 0;
      });
    }
    // Network file systems report a full disk only here.
    if (close(std::exchange(descriptor_, -1)) != 0) Fail(target_);
    if (rename(path_.c_str(), target_.c_str()) != 0) Fail(target_);
    renamed_ = true;
  }

 private:
  // Tries names until one is free. It is unique among living writers; one left by a dead writer is
  // passed over.
  template <class Make>
  void Name(const Make& make) {
    static std::atomic<unsigned> counter = 0;
    do {
      path_ = target_;
      path_ += fmt::format(".{}.{}.tmp", getpid(), counter++);
      if (make()) return;
    } while (errno == EEXIST);
    path_.clear();
    Fail(target_);
  }

  std::filesystem::path target_;
  std::filesystem::path path_;  // empty: it has no name yet
  int descriptor_ = -1;
  bool renamed_ = false;
};

// Makes the new name itself durable. The file is in place by now, so a file system that cannot do
// this is no error.
void FlushDirectory(const std::filesystem::path& directory) {
  const int descriptor = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  fsync(descriptor);
  close(descriptor);
}

}  // namespace

void WriteFileAtomically(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  TemporaryFile file(path);
  file.Write(bytes);
  file.RenameToTarget();
  FlushDirectory(FolderOf(path));
}

void WriteFileAtomically(const std::filesystem::path& path, std::string_view text) {
  WriteFileAtomically(path, std::as_bytes(std::span(text)));
}

}  // namespace samebits
