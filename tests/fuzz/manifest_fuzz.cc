// A bundle's manifest, as somebody's bundle brings it: adopted out of a staging folder.
#include <cstdint>
#include <filesystem>
#include <string>

#include "common/base/file.h"
#include "common/model/bundle.h"
#include "tests/fuzz/check.h"

namespace {

// In memory where there is such a folder: thousands of files a second.
std::string Folder() {
  if (std::filesystem::exists("/dev/shm")) setenv("TMPDIR", "/dev/shm", 0);
  return *mannequin::MakeTemporaryFolder("fuzz-manifest");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto& root = *new std::string(Folder());
  static const int at_exit = std::atexit([] { std::filesystem::remove_all(root); });
  FUZZ_CHECK(at_exit == 0);
  const mannequin::BundleFolder bundles(root + "/bundles");
  std::filesystem::create_directories(root + "/bundles");
  const std::string staging = *bundles.Stage();
  std::FILE* file = std::fopen((staging + "/manifest.textproto").c_str(), "wb");
  FUZZ_CHECK(file != nullptr);
  std::fwrite(data, 1, size, file);
  std::fclose(file);
  const auto adopted = bundles.Adopt(staging);
  // Its name becomes a folder's: one below ours, whatever it says.
  for (const auto& entry : std::filesystem::directory_iterator(root)) FUZZ_CHECK(entry.path() == root + "/bundles");
  if (adopted.ok()) FUZZ_CHECK(bundles.Open(adopted->version()).ok());
  std::filesystem::remove_all(root + "/bundles");
  return 0;
}
