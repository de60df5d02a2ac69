// Files that are either whole or not there.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace samebits {

// Writes to a temporary file beside `path`, flushes it to the disk and renames it, so that a
// reader, or a crash at any moment, finds the old file or the new one and nothing between. A file
// that is there is replaced; a symbolic link is replaced itself. Throws UserError naming the path
// and the cause; the temporary file is removed then.
void WriteFileAtomically(const std::filesystem::path& path, std::span<const std::byte> bytes);
void WriteFileAtomically(const std::filesystem::path& path, std::string_view text);

}  // namespace samebits
