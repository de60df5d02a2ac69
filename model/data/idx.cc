#include "model/data/idx.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kernels/core/digest.h"
#include "kernels/core/error.h"
#include "model/data/byte_reader.h"

namespace samebits {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNeedsIdx = "the file must be in the IDX format of MNIST";

// One IDX file of unsigned bytes.
struct IdxFile {
  fs::path path;
  std::vector<std::uint32_t> sizes;
  std::vector<std::uint8_t> values;
  std::string sha256;
};

std::uint32_t BigEndian(std::span<const std::byte> bytes, std::size_t index) {
  std::uint32_t value = 0;
  for (const std::byte byte : bytes.subspan(4 * index, 4)) {
    value = value << 8 | std::to_integer<std::uint32_t>(byte);
  }
  return value;
}

// The bytes that the header promises; at most 2^31 - 1, so that every size fits an int.
std::uint64_t PromisedBytes(const IdxFile& file) {
  constexpr std::uint64_t kMost = 0x7FFFFFFF;
  std::uint64_t product = 1;
  for (const std::uint32_t size : file.sizes) {
    if (size == 0)
      throw BadFile(file.path, "holds no images or labels: a size in its header is 0", kFetchAgain);
    product *= size;  // no overflow: below 2^31 * 2^32
    if (product > kMost) {
      throw BadFile(file.path,
                    fmt::format("its header promises {} bytes, more than the 2 GiB that are read",
                                fmt::join(file.sizes, " x ")),
                    kFetchAgain);
    }
  }
  return product;
}

IdxFile ReadIdx(const fs::path& path, std::size_t dimensions) {
  ByteReader reader(path);
  const std::vector<std::byte> header = reader.ReadUpTo(4 + 4 * dimensions);
  if (header.empty()) throw BadFile(path, "is empty", kFetchAgain);
  // The third byte says "unsigned bytes", the fourth the number of dimensions.
  const auto magic = static_cast<std::uint32_t>(0x800 + dimensions);
  if (header.size() >= 4 && BigEndian(header, 0) != magic) {
    throw BadFile(
        path,
        fmt::format("its magic number is {:#010x}, not {:#010x}", BigEndian(header, 0), magic),
        kNeedsIdx);
  }
  if (header.size() < 4 + 4 * dimensions) {
    throw BadFile(path, "is cut short within its header", kFetchAgain);
  }

  IdxFile file{.path = path, .sizes = {}, .values = {}, .sha256 = {}};
  for (std::size_t i = 1; i <= dimensions; ++i) file.sizes.push_back(BigEndian(header, i));
  const std::uint64_t promised = PromisedBytes(file);
  const auto cut_short = [&](std::string_view holds, std::uint64_t held) {
    return BadFile(path,
                   fmt::format("is cut short: its header promises {} bytes of data, it {} {}",
                               promised, holds, held),
                   kFetchAgain);
  };
  const std::uint64_t bound = reader.UpperBound() - std::min(reader.UpperBound(), header.size());
  if (promised > bound) throw cut_short("has room for at most", bound);

  // One byte more than promised: it shows what follows, and makes gzip check its sums.
  std::vector<std::byte> data = reader.ReadUpTo(promised + 1);
  if (data.size() < promised) throw cut_short("holds", data.size());
  if (data.size() > promised) {
    throw BadFile(path, fmt::format("has bytes behind the {} that its header promises", promised),
                  kFetchAgain);
  }

  Sha256 sha;
  sha.Add(header);
  sha.Add(data);
  file.sha256 = sha.Hex();
  file.values.resize(data.size());
  std::ranges::transform(data, file.values.begin(), std::to_integer<std::uint8_t>);
  return file;
}

// The file as named, or else with .gz behind its name.
fs::path FindFile(const fs::path& directory, const std::string& name) {
  const fs::path plain = directory / name;
  const fs::path packed = directory / (name + ".gz");
  std::error_code ignored;  // what cannot be looked at is reported when it is opened
  for (const fs::path& path : {plain, packed}) {
    if (fs::symlink_status(path, ignored).type() != fs::file_type::not_found) return path;
  }
  throw BadFile(directory, fmt::format("holds neither {0} nor {0}.gz", name),
                "put the four files of the data set there");
}

ImageSet LoadPart(const fs::path& directory, const std::string& part) {
  IdxFile images = ReadIdx(FindFile(directory, part + "-images-idx3-ubyte"), 3);
  IdxFile labels = ReadIdx(FindFile(directory, part + "-labels-idx1-ubyte"), 1);
  if (images.sizes[0] != labels.sizes[0]) {
    throw BadFile(labels.path,
                  fmt::format("holds {} labels, but {} holds {} images", labels.sizes[0],
                              images.path.filename().string(), images.sizes[0]),
                  "take both files from the same data set");
  }
  constexpr std::uint8_t kMaxLabel = 9;
  const auto bad =
      std::ranges::find_if(labels.values, [](auto label) { return label > kMaxLabel; });
  if (bad != labels.values.end()) {
    throw BadFile(
        labels.path,
        fmt::format("label {} is {}, above {}", bad - labels.values.begin(), *bad, kMaxLabel),
        "only data sets of ten classes are supported");
  }
  return {.count = static_cast<int>(images.sizes[0]),
          .height = static_cast<int>(images.sizes[1]),
          .width = static_cast<int>(images.sizes[2]),
          .images = std::move(images.values),
          .labels = std::move(labels.values),
          .image_sha256 = std::move(images.sha256),
          .label_sha256 = std::move(labels.sha256)};
}

}  // namespace

Dataset LoadDataset(const fs::path& directory) {
  std::error_code ignored;
  if (!fs::is_directory(directory, ignored)) {
    throw BadFile(directory,
                  fs::exists(directory, ignored) ? "is not a directory" : "does not exist",
                  "name the directory that holds the data set");
  }
  Dataset dataset{.train = LoadPart(directory, "train"), .test = LoadPart(directory, "t10k")};
  const ImageSet& train = dataset.train;
  const ImageSet& test = dataset.test;
  if (train.height != test.height || train.width != test.width) {
    throw BadFile(directory,
                  fmt::format("its training images are {}x{}, its test images {}x{}", train.height,
                              train.width, test.height, test.width),
                  "take both from the same data set");
  }
  return dataset;
}

}  // namespace samebits
