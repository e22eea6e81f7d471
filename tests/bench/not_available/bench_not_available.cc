// How many drawn cards WhyNotAvailable finds, and how many photographs it takes for one.
//
//   bench_not_available FOLDER...          photos: every file in the folders
//   bench_not_available --names FOLDER...  names what it gets wrong, on standard error
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <string>

#include "absl/strings/match.h"
#include "common/base/file.h"
#include "common/image/image.h"
#include "common/image/stored_picture.h"
#include "tests/bench/not_available/cards.h"

namespace mannequin {
namespace {

double CpuMicroseconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) * 1e-3;
}

int Run(int argc, char** argv) {
  InitImages();
  bool names = false;
  const std::vector<Card> cards = DrawCards();
  int found = 0;
  int photos = 0;
  int taken = 0;
  double microseconds = 0;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--names") == 0) {
      names = true;
      continue;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (!entry.is_regular_file()) continue;
      absl::StatusOr<std::string> bytes = ReadFile(entry.path().string());
      if (!bytes.ok()) continue;
      const double begun = CpuMicroseconds();
      const absl::StatusOr<StoredPicture> picture = MakeStoredPicture(*std::move(bytes), {});
      microseconds += CpuMicroseconds() - begun;
      if (!picture.ok()) continue;
      ++photos;
      if (picture->not_available.empty()) continue;
      ++taken;
      if (names) std::fprintf(stderr, "taken: %s: %s\n", entry.path().c_str(), picture->not_available.c_str());
    }
  }
  for (const Card& card : cards) {
    const absl::StatusOr<StoredPicture> picture = MakeStoredPicture(card.bytes, {});
    if (picture.ok() && !picture->not_available.empty()) {
      ++found;
    } else if (names) {
      std::fprintf(stderr, "missed: %s\n", card.name.c_str());
    }
  }
  std::printf(
      "{\"cards\": %zu, \"found\": %d, \"recall\": %.4f, \"photos\": %d, \"false_positives\": %d, "
      "\"microseconds_a_photo\": %.1f}\n",
      cards.size(), found, static_cast<double>(found) / static_cast<double>(cards.size()), photos, taken,
      photos > 0 ? microseconds / photos : 0);
  return 0;
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) { return mannequin::Run(argc, argv); }
