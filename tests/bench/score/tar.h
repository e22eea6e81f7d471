// The files of a tar archive (POSIX.1-1988 ustar), read whole.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace mannequin {

struct TarFile {
  std::string name;  // without folders
  std::string bytes;
};

// The first `most` regular files, in their order. NOT_FOUND and the like as ReadFile;
// DATA_LOSS for an archive that ends within a file.
absl::StatusOr<std::vector<TarFile>> ReadTar(const std::string& path, std::size_t most);

}  // namespace mannequin
