#include "kernels/core/atomic_file.h"

#include <sys/resource.h>

#include <csignal>

#include "model/tests/testing.h"

namespace samebits {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::UserErrorOf;

class AtomicFile : public testing::TemporaryDirectory {
 protected:
  std::ptrdiff_t FilesLeft() const {
    return std::distance(fs::directory_iterator(directory_), fs::directory_iterator());
  }
};

// While it lives, no file may grow beyond `size`: what a full disk looks like to a writer.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t size) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit = {size, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int);
  rlimit before_;
};

TEST_F(AtomicFile, WritesAndReplaces) {
  const fs::path path = directory_ / "file";
  WriteFileAtomically(path, std::string(100000, 'a'));
  EXPECT_EQ(testing::ReadText(path), std::string(100000, 'a'));
  WriteFileAtomically(path, "short");
  EXPECT_EQ(testing::ReadText(path), "short");
  EXPECT_EQ(FilesLeft(), 1);
}

TEST_F(AtomicFile, AFullDiskLeavesTheOldFile) {
  const fs::path path = directory_ / "file";
  WriteFileAtomically(path, "old");
  const std::string large(100000, 'a');
  std::string message;
  {
    FileSizeLimit limit(4096);
    message = UserErrorOf([&] { WriteFileAtomically(path, large); });
  }
  EXPECT_THAT(message,
              AllOf(HasSubstr(path.string()), HasSubstr("File too large"), HasSubstr("make room")));
  EXPECT_EQ(testing::ReadText(path), "old");
  EXPECT_EQ(FilesLeft(), 1);
}

TEST_F(AtomicFile, NamesPathAndCause) {
  const fs::path missing = directory_ / "none" / "file";
  EXPECT_THAT(UserErrorOf([&] { WriteFileAtomically(missing, "x"); }),
              AllOf(HasSubstr(missing.string()), HasSubstr("No such file or directory")));
  fs::create_directory(directory_ / "taken");
  EXPECT_THAT(UserErrorOf([&] { WriteFileAtomically(directory_ / "taken", "x"); }),
              AllOf(HasSubstr("taken"), HasSubstr("Is a directory")));
  EXPECT_EQ(FilesLeft(), 1);
}

}  // namespace
}  // namespace samebits
