// The bytes of an NPY file, shared by npy.cc (files) and npz.cc (entries of a zip).
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

#include "model/data/npy.h"

namespace samebits {

// Takes apart a whole NPY file. `path` is named in the UserError if it is malformed; for an entry
// of a zip it is archive/entry.
NpyArray ParseNpy(const std::filesystem::path& path, std::span<const std::byte> file);

// Exactly the bytes that numpy.save writes for this array.
std::vector<std::byte> SerializeNpy(const NpyArray& array);

}  // namespace samebits
