#include "tests/bench/score/tar.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace mannequin {

absl::StatusOr<std::vector<TarFile>> ReadTar(const std::string& path, std::size_t most) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  std::vector<TarFile> files;
  // Blocks of 512 bytes: a header, then the file padded to whole blocks. Of the header,
  // the name is at 0, the size at 124 in octal and the type at 156. A header of zeros ends the archive.
  std::array<char, 512> header{};
  while (files.size() < most && in.read(header.data(), header.size()) && header[0] != '\0') {
    const std::size_t size = std::strtoull(header.data() + 124, nullptr, 8);
    std::string bytes((size + 511) / 512 * 512, '\0');
    if (!in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
      return absl::DataLossError(absl::StrCat(path, ": ends within a file"));
    }
    bytes.resize(size);
    const std::string path_in(header.data(), strnlen(header.data(), 100));
    if (header[156] == '0' || header[156] == '\0') {
      files.push_back({path_in.substr(path_in.rfind('/') + 1), std::move(bytes)});
    }
  }
  return files;
}

}  // namespace mannequin
