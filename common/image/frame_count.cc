#include <algorithm>

#include "common/image/bytes.h"
#include "common/image/image_header.h"

namespace mannequin {

// GIF89a: screen (13 bytes, with bit 7 of byte 10 a colour table), then blocks: 0x21 an
// extension, 0x2c a frame, 0x3b the end; their data in sub-blocks of a length byte each.
int CountGifFrames(absl::string_view b, const ImageLimits& limits) {
  const auto table_bytes = [&](std::size_t flags) -> std::size_t {
    return (Byte(b, flags) & 0x80) != 0 ? 3u << ((Byte(b, flags) & 7) + 1) : 0;
  };
  int frames = 0;
  std::size_t at = 13;
  if (b.size() >= at) at += table_bytes(10);
  while (at < b.size() && frames <= limits.max_frames) {
    const std::uint32_t block = Byte(b, at);
    if (block == 0x2c) {
      if (at + 10 > b.size()) break;
      ++frames;
      at += 10 + table_bytes(at + 9) + 1;  // and the code size of LZW
    } else if (block == 0x21) {
      at += 2;
    } else {
      break;
    }
    while (at < b.size() && Byte(b, at) != 0) at += 1 + Byte(b, at);
    ++at;
  }
  return std::max(1, frames);
}

// APNG: a frame control chunk (fcTL) for each frame, when acTL comes before the data. The
// number that acTL tells is not taken for it.
int CountPngFrames(absl::string_view b, const ImageLimits& limits) {
  int frames = 0;
  bool animated = false;
  for (std::size_t at = 8; at + 8 <= b.size() && frames <= limits.max_frames;) {
    const absl::string_view type = b.substr(at + 4, 4);
    if (type == "acTL") animated = true;
    if (type == "IEND" || (type == "IDAT" && !animated)) break;
    if (type == "fcTL") ++frames;
    at += std::size_t{12} + Big32(b, at);
  }
  return std::max(1, animated ? frames : 1);
}

// WebP container: an ANMF chunk for each frame, when VP8X's second flag is set.
int CountWebpFrames(absl::string_view b, const ImageLimits& limits) {
  if (b.size() < 21 || b.substr(12, 4) != "VP8X" || (Byte(b, 20) & 2) == 0) return 1;
  int frames = 0;
  for (std::size_t at = 12; at + 8 <= b.size() && frames <= limits.max_frames;) {
    if (b.substr(at, 4) == "ANMF") ++frames;
    const std::size_t size = Little32(b, at + 4);
    at += 8 + size + (size & 1);
  }
  return std::max(1, frames);
}

}  // namespace mannequin
