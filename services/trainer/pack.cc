#include "services/trainer/pack.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/parallel.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"

namespace mannequin {
namespace {

constexpr int kFormat = 1;
constexpr std::size_t kDigits = 64;  // of a SHA-256

std::uint32_t Crc32(const void* bytes, std::int64_t size) {
  return static_cast<std::uint32_t>(::crc32_z(0, static_cast<const Bytef*>(bytes), static_cast<z_size_t>(size)));
}

absl::Status Damaged(const std::string& what) {
  return absl::DataLossError(absl::StrCat(what, "; remove the folder, and the pack is made anew"));
}

// All of a file, read-only. `bytes` is what it must have.
absl::StatusOr<const void*> Map(const std::string& path, std::size_t bytes) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return Damaged(absl::StrCat(path, ": is not there, but the pack's index is"));
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
  const auto close_file = absl::MakeCleanup([fd] { close(fd); });
  struct stat facts {};
  if (fstat(fd, &facts) != 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
  if (static_cast<std::size_t>(facts.st_size) != bytes) {
    return Damaged(absl::StrCat(path, ": has ", facts.st_size, " bytes, the index says ", bytes));
  }
  void* mapped = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) return absl::ErrnoToStatus(errno, absl::StrCat("cannot map ", path));
  return mapped;
}

absl::StatusOr<v1::PackIndex> ReadIndex(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string file, ReadFile(path));
  v1::PackIndex index;
  if (file.size() <= kDigits || Sha256Hex(absl::string_view(file).substr(kDigits + 1)) != file.substr(0, kDigits) ||
      !index.ParseFromArray(file.data() + kDigits + 1, static_cast<int>(file.size() - kDigits - 1))) {
    return Damaged(absl::StrCat(path, ": is damaged"));
  }
  if (index.format() != kFormat) {
    return Damaged(absl::StrCat(path, ": has format ", index.format(), ", this program reads ", kFormat));
  }
  return index;
}

}  // namespace

double SplitPosition(const std::string& id) {
  return static_cast<double>(std::strtoull(Sha256Hex(id).substr(0, 8).c_str(), nullptr, 16)) / 4294967296.0;
}

absl::StatusOr<std::unique_ptr<Pack>> Pack::Open(const std::string& folder) {
  ASSIGN_OR_RETURN(v1::PackIndex index, ReadIndex(absl::StrCat(folder, "/", kPackIndex)));
  std::unique_ptr<Pack> pack(new Pack);
  pack->resolution_ = index.resolution();
  pack->text_dimension_ = index.text_dimension();
  pack->jpeg_ = index.jpeg();
  ASSIGN_OR_RETURN(const void* images, Map(absl::StrCat(folder, "/", index.jpeg() ? kPackJpeg : kPackPixels),
                                           static_cast<std::size_t>(index.images_bytes())));
  pack->images_ = static_cast<const std::uint8_t*>(images);
  pack->images_bytes_ = static_cast<std::size_t>(index.images_bytes());
  const std::size_t texts_bytes =
      sizeof(float) * static_cast<std::size_t>(index.slots() * kShuffles * index.text_dimension());
  ASSIGN_OR_RETURN(const void* texts, Map(absl::StrCat(folder, "/", kPackTexts), texts_bytes));
  pack->texts_ = static_cast<const float*>(texts);
  pack->texts_bytes_ = texts_bytes;
  RETURN_IF_ERROR(pack->Check(index, folder));
  pack->categories.assign(index.categories().begin(), index.categories().end());
  pack->colors.assign(index.colors().begin(), index.colors().end());
  pack->unreadable = index.unreadable();
  pack->no_text = index.no_text();
  pack->rare = index.rare();
  pack->opted_out = index.opted_out();
  if (pack->jpeg_) pack->places_.resize(static_cast<std::size_t>(index.slots()));
  for (v1::PackItem& item : *index.mutable_items()) {
    if (pack->jpeg_) pack->places_[static_cast<std::size_t>(item.slot())] = {item.offset(), item.size()};
    (item.held_out() ? pack->held_out : pack->training)
        .push_back({std::move(*item.mutable_id()),
                    item.category(),
                    item.slot(),
                    item.small(),
                    std::move(*item.mutable_brand()),
                    item.color(),
                    {item.category_path().begin(), item.category_path().end()}});
  }
  return pack;
}

absl::Status Pack::Check(const v1::PackIndex& index, const std::string& folder) const {
  if (Crc32(texts_, static_cast<std::int64_t>(texts_bytes_)) != index.texts_crc32()) {
    return Damaged(absl::StrCat(folder, "/", kPackTexts, ": its checksum differs"));
  }
  std::atomic<int> damaged{-1};
  ParallelFor(static_cast<std::size_t>(index.items_size()), 64, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      const v1::PackItem& item = index.items(static_cast<int>(i));
      const bool fits =
          item.slot() >= 0 && item.slot() < index.slots() && item.category() >= 0 &&
          item.category() < index.categories_size() && item.color() >= -1 && item.color() < index.colors_size() &&
          item.offset() >= 0 && item.size() > 0 && item.offset() <= index.images_bytes() - item.size() &&
          (index.jpeg() || (item.offset() == item.slot() * image_bytes() && item.size() == image_bytes()));
      if (!fits || Crc32(images_ + item.offset(), item.size()) != item.crc32()) damaged = static_cast<int>(i);
    }
  });
  if (damaged < 0) return absl::OkStatus();
  return Damaged(absl::StrCat(folder, "/", index.jpeg() ? kPackJpeg : kPackPixels, ": the image of ",
                              index.items(damaged).id(), " differs from its checksum"));
}

Pack::~Pack() {
  if (images_ != nullptr) munmap(const_cast<std::uint8_t*>(images_), images_bytes_);
  if (texts_ != nullptr) munmap(const_cast<float*>(texts_), texts_bytes_);
}

void Pack::ReadImage(std::int64_t slot, std::uint8_t* rgb) const {
  if (!jpeg_) {
    std::copy_n(images_ + slot * image_bytes(), image_bytes(), rgb);
    return;
  }
  const Place place = places_[static_cast<std::size_t>(slot)];
  const absl::StatusOr<Pixels> pixels =
      DecodeImage({reinterpret_cast<const char*>(images_ + place.offset), static_cast<std::size_t>(place.size)},
                  {.limits = {}, .resize_to = resolution_, .pad = true});
  if (!pixels.ok() || static_cast<std::int64_t>(pixels->rgb.size()) != image_bytes()) {
    std::fill_n(rgb, image_bytes(), std::uint8_t{255});
    return;
  }
  std::copy(pixels->rgb.begin(), pixels->rgb.end(), rgb);
}

Pixels Pack::ImageOf(const PackedProduct& product) const {
  Pixels pixels{resolution_, resolution_, std::vector<std::uint8_t>(static_cast<std::size_t>(image_bytes()))};
  ReadImage(product.slot, pixels.rgb.data());
  return pixels;
}

absl::Status RemovePack(const std::string& folder) {
  std::error_code error;
  std::filesystem::remove_all(folder, error);
  return error ? absl::ErrnoToStatus(error.value(), absl::StrCat("cannot remove ", folder)) : absl::OkStatus();
}

}  // namespace mannequin
