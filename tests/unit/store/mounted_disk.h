// A file system of its own in memory, of so many bytes, that a test can fill. Needs the right to mount.
#pragma once

#include <sys/mount.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace mannequin {

class MountedDisk {
 public:
  MountedDisk(std::string folder, std::int64_t bytes) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
    mounted_ = mount("tmpfs", folder_.c_str(), "tmpfs", 0, absl::StrCat("size=", bytes).c_str()) == 0;
  }
  // Also when somebody still has a file of it open.
  ~MountedDisk() {
    if (mounted_) umount2(folder_.c_str(), MNT_DETACH);
  }
  MountedDisk(const MountedDisk&) = delete;
  MountedDisk& operator=(const MountedDisk&) = delete;
  bool mounted() const { return mounted_; }
  const std::string& folder() const { return folder_; }
  // Takes all the space that is left.
  void Fill() {
    std::ofstream file(folder_ + "/filler", std::ios::binary);
    const std::string block(1 << 16, 'x');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  void Empty() { std::filesystem::remove(folder_ + "/filler"); }

 private:
  const std::string folder_;
  bool mounted_ = false;
};

}  // namespace mannequin
