// ReadImageHeader: the formats' fixed fields, without a decoder. It runs on every body the
// crawler gets, so for all but AVIF it allocates nothing but the media type.
#include "common/image/image_header.h"

#include <cstddef>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/image/bytes.h"
#include "common/image/image.h"

namespace mannequin {
namespace {

absl::Status Broken(absl::string_view what) { return BrokenPicture(what); }

// PNG (ISO/IEC 15948): signature, then IHDR: length 13, type, width, height, bit depth,
// colour type, compression, filter, interlace.
absl::StatusOr<ImageHeader> ReadPng(absl::string_view b, const ImageLimits& limits) {
  if (b.size() < 29) return Broken("PNG ends inside its IHDR");
  if (Big32(b, 8) != 13 || b.substr(12, 4) != "IHDR") return Broken("PNG does not begin with an IHDR of 13 bytes");
  const std::uint32_t width = Big32(b, 16);
  const std::uint32_t height = Big32(b, 20);
  if (width > 0x7fffffff || height > 0x7fffffff) return Broken("PNG size over 2^31 - 1");
  return ImageHeader{static_cast<int>(width), static_cast<int>(height), "image/png", CountPngFrames(b, limits)};
}

// GIF89a: signature, then the logical screen's width and height.
absl::StatusOr<ImageHeader> ReadGif(absl::string_view b, const ImageLimits& limits) {
  if (b.size() < 13) return Broken("GIF ends inside its logical screen");
  return ImageHeader{static_cast<int>(Little16(b, 6)), static_cast<int>(Little16(b, 8)), "image/gif",
                     CountGifFrames(b, limits)};
}

// WebP container (RFC 9649): RIFF, size, WEBP, then a VP8, VP8L or VP8X chunk.
absl::StatusOr<ImageHeader> ReadWebp(absl::string_view b, const ImageLimits& limits) {
  if (b.size() < 30) return Broken("WebP ends inside its first chunk");
  const absl::string_view chunk = b.substr(12, 4);
  if (chunk == "VP8 ") {
    // Frame tag (3 bytes; bit 0 clear: a key frame), start code, then 14 bits each.
    if ((Byte(b, 20) & 1) != 0 || b.substr(23, 3) != "\x9d\x01\x2a") return Broken("WebP without a VP8 key frame");
    return ImageHeader{static_cast<int>(Little16(b, 26) & 0x3fff), static_cast<int>(Little16(b, 28) & 0x3fff),
                       "image/webp"};
  }
  if (chunk == "VP8L") {
    // Signature 0x2f, then width - 1 and height - 1 of 14 bits each.
    if (Byte(b, 20) != 0x2f) return Broken("WebP without a VP8L signature");
    const std::uint32_t bits = Little32(b, 21);
    return ImageHeader{static_cast<int>((bits & 0x3fff) + 1), static_cast<int>((bits >> 14 & 0x3fff) + 1),
                       "image/webp"};
  }
  if (chunk == "VP8X") {
    return ImageHeader{static_cast<int>(Little24(b, 24) + 1), static_cast<int>(Little24(b, 27) + 1), "image/webp",
                       CountWebpFrames(b, limits)};
  }
  return Broken("WebP without a VP8, VP8L or VP8X chunk first");
}

// JPEG (ITU T.81 B.1): segments of marker and length until a start of frame.
absl::StatusOr<ImageHeader> ReadJpeg(absl::string_view b) {
  std::size_t at = 2;
  while (true) {
    // Any number of 0xff may fill up to a marker; encoders also leave stray bytes, which
    // decoders skip as well.
    while (at < b.size() && Byte(b, at) != 0xff) ++at;
    while (at < b.size() && Byte(b, at) == 0xff) ++at;
    if (at >= b.size()) return Broken("JPEG ends before its frame header");
    const std::uint32_t marker = Byte(b, at++);
    const bool stands_alone = marker == 0x00 || marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8);
    if (stands_alone) continue;
    if (marker == 0xd9 || marker == 0xda) return Broken("JPEG without a frame header before its data");
    if (at + 2 > b.size()) return Broken("JPEG ends before its frame header");
    const std::uint32_t length = Big16(b, at);
    if (length < 2) return Broken("JPEG segment shorter than its own length field");
    // SOF0 to SOF15, less DHT (c4), JPG (c8) and DAC (cc).
    if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc) {
      if (at + 8 > b.size()) return Broken("JPEG ends inside its frame header");
      return ImageHeader{static_cast<int>(Big16(b, at + 5)), static_cast<int>(Big16(b, at + 3)), "image/jpeg"};
    }
    at += length;
  }
}

absl::StatusOr<ImageHeader> ReadAny(absl::string_view b, const ImageLimits& limits) {
  if (b.empty()) return absl::InvalidArgumentError("not a picture: 0 bytes");
  if (absl::StartsWith(b, "\xff\xd8\xff")) return ReadJpeg(b);
  if (absl::StartsWith(b, "\x89PNG\r\n\x1a\n")) return ReadPng(b, limits);
  if (absl::StartsWith(b, "GIF87a") || absl::StartsWith(b, "GIF89a")) return ReadGif(b, limits);
  if (absl::StartsWith(b, "RIFF") && b.size() >= 12 && b.substr(8, 4) == "WEBP") return ReadWebp(b, limits);
  if (b.size() >= 8 && b.substr(4, 4) == "ftyp") return ReadAvifHeader(b, limits);
  return absl::InvalidArgumentError("not a picture: neither JPEG, PNG, WebP, GIF nor AVIF");
}

}  // namespace

absl::StatusOr<ImageHeader> ReadImageHeader(absl::string_view bytes, const ImageLimits& limits) {
  if (static_cast<std::int64_t>(bytes.size()) > limits.max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("picture of ", bytes.size(), " bytes is over max_bytes = ", limits.max_bytes));
  }
  ASSIGN_OR_RETURN(ImageHeader header, ReadAny(bytes, limits));
  if (header.width == 0 || header.height == 0) return Broken("a side of 0 pixels");
  const std::int64_t pixels = std::int64_t{header.width} * header.height;
  if (pixels > limits.max_pixels) {
    return absl::ResourceExhaustedError(absl::StrCat("picture of ", header.width, "x", header.height,
                                                     " pixels is over max_pixels = ", limits.max_pixels));
  }
  if (header.frames > limits.max_frames) {
    return absl::ResourceExhaustedError(absl::StrCat("animation of more frames than max_frames = ", limits.max_frames));
  }
  return header;
}

}  // namespace mannequin
