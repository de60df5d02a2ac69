#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <zip.h>

#include <fmt/format.h>

#include "kernels/core/atomic_file.h"
#include "kernels/core/error.h"
#include "model/data/byte_reader.h"
#include "model/data/npy.h"
#include "model/data/npy_format.h"

namespace samebits {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSaveArchiveAgain = "write it again with numpy.savez";
constexpr std::string_view kSuffix = ".npy";

struct DiscardArchive {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
using Archive = std::unique_ptr<zip_t, DiscardArchive>;

struct CloseEntry {
  void operator()(zip_file_t* entry) const { zip_fclose(entry); }
};

struct FreeSource {
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using Source = std::unique_ptr<zip_source_t, FreeSource>;

Archive OpenToRead(const fs::path& path) {
  int code = 0;
  Archive archive(zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code));
  if (archive != nullptr) return archive;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  const std::string cause = zip_error_strerror(&error);
  zip_error_fini(&error);
  throw BadFile(path, fmt::format("cannot be read as an NPZ file: {}", cause), kSaveArchiveAgain);
}

std::vector<std::byte> ReadEntry(const fs::path& path, zip_t* archive, const zip_stat_t& entry) {
  const fs::path name = path / entry.name;
  const auto broken = [&] {
    return BadFile(name, "is broken within the NPZ file", kSaveArchiveAgain);
  };
  // Deflate expands at most 1,032 times: a size above that is a lie, and is never allocated.
  constexpr zip_uint64_t kMostExpansion = 1032;
  if (entry.size / kMostExpansion > entry.comp_size) throw broken();
  const std::unique_ptr<zip_file_t, CloseEntry> file(zip_fopen_index(archive, entry.index, 0));
  if (file == nullptr) throw broken();
  std::vector<std::byte> bytes(entry.size);
  const zip_int64_t got = zip_fread(file.get(), bytes.data(), bytes.size());
  // Reading at the end makes libzip compare the checksum.
  std::byte behind;
  if (std::cmp_not_equal(got, bytes.size()) || zip_fread(file.get(), &behind, 1) != 0) {
    throw broken();
  }
  return bytes;
}

// The errors of building a zip in memory: nothing a user could mend.
[[noreturn]] void FailToBuild(zip_t* archive) {
  throw std::runtime_error(fmt::format("building an NPZ file failed: {}",
                                       archive == nullptr ? "no memory" : zip_strerror(archive)));
}

Source BufferSource(std::span<const std::byte> bytes) {
  Source source(zip_source_buffer_create(bytes.data(), bytes.size(), 0, nullptr));
  if (source == nullptr) FailToBuild(nullptr);
  return source;
}

void AddEntry(zip_t* archive, const std::string& name, std::span<const std::byte> bytes) {
  Source source = BufferSource(bytes);
  const zip_int64_t added = zip_file_add(archive, name.c_str(), source.get(), ZIP_FL_ENC_UTF_8);
  if (added < 0) FailToBuild(archive);
  source.release();  // the archive owns it from here on
  const auto index = static_cast<zip_uint64_t>(added);
  constexpr zip_uint16_t kFirstOfJanuary1980 = 1 << 5 | 1;
  if (zip_set_file_compression(archive, index, ZIP_CM_STORE, 0) != 0 ||
      zip_file_set_dostime(archive, index, 0, kFirstOfJanuary1980, 0) != 0) {
    FailToBuild(archive);
  }
}

std::vector<std::byte> Content(zip_source_t* source) {
  zip_stat_t status;
  if (zip_source_stat(source, &status) != 0 || zip_source_open(source) != 0) FailToBuild(nullptr);
  std::vector<std::byte> bytes(status.size);
  const zip_int64_t got = zip_source_read(source, bytes.data(), bytes.size());
  zip_source_close(source);
  if (std::cmp_not_equal(got, bytes.size())) FailToBuild(nullptr);
  return bytes;
}

}  // namespace

std::vector<NamedArray> ReadNpz(const fs::path& path) {
  const Archive archive = OpenToRead(path);
  std::vector<NamedArray> arrays;
  const auto count = static_cast<zip_uint64_t>(zip_get_num_entries(archive.get(), 0));
  for (zip_uint64_t index = 0; index < count; ++index) {
    zip_stat_t entry;
    if (zip_stat_index(archive.get(), index, 0, &entry) != 0) {
      throw BadFile(path, "has a broken list of contents", kSaveArchiveAgain);
    }
    std::string name = entry.name;
    if (!name.ends_with(kSuffix)) {
      throw BadFile(path, fmt::format("holds {}, which is no NPY file", name), kSaveArchiveAgain);
    }
    const std::vector<std::byte> bytes = ReadEntry(path, archive.get(), entry);
    NpyArray array = ParseNpy(path / name, bytes);
    name.resize(name.size() - kSuffix.size());
    arrays.push_back({std::move(name), std::move(array)});
  }
  return arrays;
}

void WriteNpz(const fs::path& path, std::span<const NamedArray> arrays) {
  // libzip reads the entries only when the archive is closed, so their bytes must live until then.
  std::vector<std::vector<std::byte>> entries;
  for (const NamedArray& array : arrays) entries.push_back(SerializeNpy(array.array));

  const Source target = BufferSource({});
  Archive archive(zip_open_from_source(target.get(), ZIP_TRUNCATE, nullptr));
  if (archive == nullptr) FailToBuild(nullptr);
  zip_source_keep(target.get());  // the archive owns one reference, we keep the other
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    AddEntry(archive.get(), arrays[i].name + std::string(kSuffix), entries[i]);
  }
  if (zip_close(archive.get()) != 0) FailToBuild(archive.get());
  archive.release();  // zip_close freed it
  WriteFileAtomically(path, Content(target.get()));
}

}  // namespace samebits
