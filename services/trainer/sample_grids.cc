#include "services/trainer/sample_grids.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace mannequin {
namespace {

namespace fs = std::filesystem;

constexpr char kPrefix[] = "sample-";
constexpr char kSuffix[] = ".png";

}  // namespace

std::string SampleGridPath(const std::string& folder, std::int64_t step) {
  return absl::StrFormat("%s/%s%08d%s", folder, kPrefix, step, kSuffix);
}

absl::StatusOr<std::vector<std::int64_t>> SampleGridSteps(const std::string& folder) {
  std::vector<std::int64_t> steps;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string file = entry->path().filename().string();
    absl::string_view name = file;
    std::int64_t step = 0;
    if (absl::ConsumePrefix(&name, kPrefix) && absl::ConsumeSuffix(&name, kSuffix) && absl::SimpleAtoi(name, &step)) {
      steps.push_back(step);
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return absl::UnknownError(absl::StrCat(folder, ": ", error.message()));
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

}  // namespace mannequin
