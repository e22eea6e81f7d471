// The path of a fetched body: header, decode, what is stored of it.
#include <cstdint>
#include <string>

#include "common/image/decode.h"
#include "common/image/image.h"
#include "common/image/stored_picture.h"
#include "common/image/strip.h"
#include "tests/fuzz/check.h"

namespace mannequin {
namespace {

constexpr ImageLimits kLimits = {.max_bytes = 1 << 20, .max_pixels = 1'000'000, .max_frames = 16};
// What is encoded anew may be larger than what came.
constexpr ImageLimits kOwn = {.max_bytes = 64 << 20, .max_pixels = 1'000'000, .max_frames = 16};

// Taking metadata out leaves the pixels bit for bit.
void CheckStrip(const std::string& bytes, const ImageHeader& header) {
  const bool strips = header.media_type == "image/jpeg" || header.media_type == "image/png" ||
                      (header.media_type == "image/webp" && header.frames == 1);
  if (!strips) return;
  // libjpeg-turbo reads broken data otherwise when few bytes follow: here many do each time.
  const std::string padding(header.media_type == "image/jpeg" ? 8192 : 0, '\0');
  const absl::StatusOr<DecodedPicture> before = DecodeWhole(bytes + padding, header, kLimits);
  if (!before.ok() || !before->upright_srgb) return;
  const absl::StatusOr<std::string> stripped = WithoutMetadata(bytes, header.media_type);
  if (!stripped.ok()) return;
  FUZZ_CHECK(stripped->size() <= bytes.size() + 64);
  const absl::StatusOr<Pixels> after = DecodeImage(*stripped + padding, {.limits = kOwn});
  FUZZ_CHECK(after.ok());
  FUZZ_CHECK(after->width == before->pixels.width && after->rgb == before->pixels.rgb);
}

void CheckPicture(const StoredPicture& picture) {
  const absl::StatusOr<ImageHeader> header = ReadImageHeader(picture.data, kOwn);
  FUZZ_CHECK(header.ok());
  FUZZ_CHECK(header->width == picture.width && header->height == picture.height);
  FUZZ_CHECK(header->media_type == picture.media_type);
  FUZZ_CHECK(DecodeImage(picture.data, {.limits = kOwn}).ok());
  for (const StoredPicture::Rendition& rendition : picture.renditions) {
    const absl::StatusOr<Pixels> pixels = DecodeImage(rendition.jpeg);
    FUZZ_CHECK(pixels.ok());
    FUZZ_CHECK(pixels->width == rendition.width && pixels->width <= rendition.side);
    FUZZ_CHECK(pixels->height == rendition.height && pixels->height <= rendition.side);
  }
}

void RunOne(std::string bytes) {
  const absl::StatusOr<ImageHeader> header = ReadImageHeader(bytes, kLimits);
  if (header.ok()) {
    FUZZ_CHECK(header->width > 0 && header->height > 0 && header->frames >= 1);
    FUZZ_CHECK(std::int64_t{header->width} * header->height <= kLimits.max_pixels);
    FUZZ_CHECK(header->frames <= kLimits.max_frames);
    CheckStrip(bytes, *header);
  }
  StoredPictureOptions options;
  options.limits = kLimits;
  options.rendition_sides = {128, 16};
  absl::StatusOr<StoredPicture> picture = MakeStoredPicture(bytes, options);
  if (!header.ok()) FUZZ_CHECK(picture.status() == header.status());
  if (!picture.ok() || !picture->not_available.empty()) return;
  CheckPicture(*picture);
  options.keep_original = true;
  options.rendition_sides = {};
  picture = MakeStoredPicture(bytes, options);
  FUZZ_CHECK(picture.ok() && picture->data == bytes);
}

}  // namespace
}  // namespace mannequin

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mannequin::RunOne(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
