#include "services/store/rocks/disk_bytes.h"

#include <filesystem>
#include <system_error>

namespace mannequin::store {

std::int64_t DiskBytes(const std::string& folder) {
  std::int64_t bytes = 0;
  std::error_code error;
  for (auto file = std::filesystem::recursive_directory_iterator(folder, error);
       !error && file != std::filesystem::recursive_directory_iterator(); file.increment(error)) {
    std::error_code gone;
    if (!file->is_regular_file(gone)) continue;
    const std::uintmax_t size = file->file_size(gone);
    if (!gone) bytes += static_cast<std::int64_t>(size);
  }
  return bytes;
}

}  // namespace mannequin::store
