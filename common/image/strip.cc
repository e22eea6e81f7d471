#include "common/image/strip.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/image/bytes.h"
#include "common/image/generated_mark.h"
#include "common/image/image_header.h"

namespace mannequin {
namespace {

// What stays, in order; neighbours are put together, so that most pictures are one piece.
class Pieces {
 public:
  void Keep(absl::string_view piece) {
    if (piece.empty()) return;
    if (!pieces_.empty() && pieces_.back().data() + pieces_.back().size() == piece.data()) {
      pieces_.back() = {pieces_.back().data(), pieces_.back().size() + piece.size()};
    } else {
      pieces_.push_back(piece);
    }
  }
  std::string Join(std::string bytes) const {
    if (pieces_.size() == 1 && pieces_[0].data() == bytes.data()) {
      bytes.resize(pieces_[0].size());
      return bytes;
    }
    std::size_t size = 0;
    for (const absl::string_view piece : pieces_) size += piece.size();
    std::string joined;
    joined.reserve(size);
    for (const absl::string_view piece : pieces_) absl::StrAppend(&joined, piece);
    return joined;
  }

 private:
  std::vector<absl::string_view> pieces_;
};

// The end of a scan's data that begins at `at`: the next marker that is neither a stuffed
// 0xff nor a restart.
std::size_t EndOfScan(absl::string_view b, std::size_t at) {
  while (at + 1 < b.size()) {
    const void* found = std::memchr(b.data() + at, 0xff, b.size() - 1 - at);
    if (found == nullptr) break;
    at = static_cast<std::size_t>(static_cast<const char*>(found) - b.data());
    const std::uint32_t next = Byte(b, at + 1);
    if (next == 0xff) {
      ++at;
    } else if (next == 0 || (next >= 0xd0 && next <= 0xd7)) {
      at += 2;
    } else {
      return at;
    }
  }
  return b.size();
}

// `segment` is marker, length and content; its length field has been checked.
void KeepApplicationSegment(absl::string_view segment, Pieces* pieces) {
  constexpr std::size_t kJfifBytes = 18;  // without a thumbnail
  const std::uint32_t marker = Byte(segment, 1);
  const absl::string_view content = segment.substr(4);
  if (marker == 0xe0 && absl::StartsWith(content, absl::string_view("JFIF\0", 5))) {
    if (segment.size() <= kJfifBytes) return pieces->Keep(segment);
    pieces->Keep(absl::string_view("\xff\xe0\0\x10", 4));
    pieces->Keep(segment.substr(4, 12));
    pieces->Keep(absl::string_view("\0\0", 2));
  } else if (marker == 0xee && absl::StartsWith(content, "Adobe")) {
    pieces->Keep(segment);
  } else if (marker == 0xe1 && absl::StartsWith(content, "http://ns.adobe.com/xap/1.0/") &&
             NamesGeneratedSource(content)) {
    pieces->Keep(segment);
  }
}

// ITU T.81, annex B.
absl::Status StripJpeg(absl::string_view b, Pieces* pieces, bool* cut_behind) {
  std::size_t scans_at = 0;
  std::size_t kept_behind = 0;
  pieces->Keep(b.substr(0, 2));
  std::size_t at = 2;
  for (;;) {
    // Stray bytes before a marker go: decoders skip them.
    while (at < b.size() && Byte(b, at) != 0xff) ++at;
    while (at + 1 < b.size() && Byte(b, at + 1) == 0xff) ++at;
    if (at + 2 > b.size()) return BrokenPicture("JPEG without an end");
    const std::uint32_t marker = Byte(b, at + 1);
    if (marker == 0xd9) {
      pieces->Keep(b.substr(at, 2));
      *cut_behind = scans_at != 0 && kept_behind + 2 != b.size() - scans_at;
      return absl::OkStatus();
    }
    if (marker == 0x00 || marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2;
      continue;
    }
    if (at + 4 > b.size()) return BrokenPicture("JPEG ends inside a segment");
    const std::size_t size = 2 + std::size_t{Big16(b, at + 2)};
    if (size < 4 || size > b.size() - at) return BrokenPicture("JPEG ends inside a segment");
    const absl::string_view segment = b.substr(at, size);
    if (marker == 0xda && scans_at == 0) scans_at = at;
    at += size;
    if (marker >= 0xe0 && marker <= 0xef) {
      KeepApplicationSegment(segment, pieces);
    } else if (marker != 0xfe) {
      pieces->Keep(segment);
      if (scans_at != 0) kept_behind += size;
    }
    if (marker == 0xda) {
      const std::size_t end = EndOfScan(b, at);
      pieces->Keep(b.substr(at, end - at));
      kept_behind += end - at;
      at = end;
    }
  }
}

// A compressed text is looked at as far as this.
constexpr std::size_t kMaxTextBytes = 1 << 20;

std::string Inflated(absl::string_view data) {
  std::string text(kMaxTextBytes, '\0');
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return "";
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  inflate(&stream, Z_FINISH);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return text;
}

// `content` of a tEXt, zTXt or iTXt chunk: is it an XMP packet with the mark?
bool IsMarkedText(absl::string_view type, absl::string_view content) {
  constexpr absl::string_view kKeyword("XML:com.adobe.xmp\0", 18);
  if (!absl::StartsWith(content, kKeyword)) return false;
  content.remove_prefix(kKeyword.size());
  bool compressed = type == "zTXt";
  if (compressed) {
    if (content.empty()) return false;
    content.remove_prefix(1);  // method
  } else if (type == "iTXt") {
    // Compression flag and method, language, translated keyword.
    if (content.size() < 2) return false;
    compressed = content[0] != 0;
    content.remove_prefix(2);
    for (int i = 0; i < 2; ++i) {
      const std::size_t end = content.find('\0');
      if (end == absl::string_view::npos) return false;
      content.remove_prefix(end + 1);
    }
  }
  return NamesGeneratedSource(compressed ? Inflated(content) : std::string(content));
}

// PNG (ISO/IEC 15948): a chunk is length, type (the first letter's case: critical or not),
// content, CRC.
absl::Status StripPng(absl::string_view b, Pieces* pieces) {
  constexpr absl::string_view kShowing[] = {"tRNS", "gAMA", "cHRM", "sRGB", "sBIT", "pHYs",
                                            "bKGD", "cICP", "mDCV", "mDCv", "cLLI", "cLLi"};
  // Length 1, perceptual intent.
  constexpr absl::string_view kSrgbChunk("\0\0\0\x01sRGB\0\xae\xce\x1c\xe9", 13);
  pieces->Keep(b.substr(0, 8));
  bool has_srgb = false;
  for (std::size_t at = 8;;) {
    if (at + 12 > b.size()) return BrokenPicture("PNG ends before its IEND");
    const std::size_t size = std::size_t{12} + Big32(b, at);
    if (size > b.size() - at) return BrokenPicture("PNG ends inside a chunk");
    const absl::string_view type = b.substr(at + 4, 4);
    const absl::string_view chunk = b.substr(at, size);
    const bool critical = (Byte(type, 0) & 0x20) == 0;
    if (type == "sRGB" && std::exchange(has_srgb, true)) {
      // It took the profile's place already.
    } else if (critical || std::find(std::begin(kShowing), std::end(kShowing), type) != std::end(kShowing)) {
      pieces->Keep(chunk);
    } else if (type == "iCCP" && !has_srgb) {
      pieces->Keep(kSrgbChunk);
      has_srgb = true;
    } else if ((type == "tEXt" || type == "zTXt" || type == "iTXt") && IsMarkedText(type, chunk.substr(8, size - 12))) {
      pieces->Keep(chunk);
    }
    if (type == "IEND") return absl::OkStatus();
    at += size;
  }
}

// WebP container (RFC 9649): a chunk is type, length (little endian), content, and a byte
// when that is odd. Built anew: sizes and flags change.
absl::StatusOr<std::string> StripWebp(std::string bytes) {
  constexpr std::uint32_t kAlpha = 0x10;
  constexpr std::uint32_t kXmp = 0x04;
  constexpr std::uint32_t kAnimation = 0x02;
  const absl::string_view b = bytes;
  if (b.size() < 20) return BrokenPicture("WebP ends inside its first chunk");
  const std::size_t end = std::min<std::size_t>(b.size(), std::size_t{8} + Little32(b, 4));
  std::string out("RIFF\0\0\0\0WEBP", 12);
  std::size_t flags_at = 0;
  std::uint32_t flags = 0;
  bool has_pixels = false;
  for (std::size_t at = 12; at + 8 <= end && !(has_pixels && flags_at == 0);) {
    const absl::string_view type = b.substr(at, 4);
    const std::size_t size = Little32(b, at + 4);
    if (size > end - at - 8) return BrokenPicture("WebP ends inside a chunk");
    const absl::string_view content = b.substr(at + 8, size);
    bool keep = false;
    if (type == "VP8X" && flags_at == 0 && !has_pixels && size >= 10) {
      flags = Byte(content, 0) & kAlpha;
      if ((Byte(content, 0) & kAnimation) != 0) return BrokenPicture("WebP is an animation");
      flags_at = out.size() + 8;
      keep = true;
    } else if (type == "VP8 " || type == "VP8L") {
      keep = !has_pixels;
      has_pixels = true;
    } else if (type == "ALPH") {
      keep = !has_pixels;
    } else if (type == "XMP ") {
      keep = flags_at != 0 && NamesGeneratedSource(content);
      if (keep) flags |= kXmp;
    }
    if (keep) {
      absl::StrAppend(&out, b.substr(at, 8 + size));
      if (size % 2 != 0) out.push_back('\0');
    }
    at += 8 + size + size % 2;
  }
  if (!has_pixels) return BrokenPicture("WebP without pixels");
  if (flags_at != 0) {
    out[flags_at] = static_cast<char>(flags);
    for (int i = 1; i < 4; ++i) out[flags_at + i] = 0;
  }
  out.replace(4, 4, Little32Bytes(static_cast<std::uint32_t>(out.size() - 8)));
  return out;
}

}  // namespace

absl::StatusOr<std::string> WithoutMetadata(std::string bytes, absl::string_view media_type, bool* cut_behind) {
  Pieces pieces;
  bool ignored = false;
  if (cut_behind == nullptr) cut_behind = &ignored;
  *cut_behind = false;
  if (media_type == "image/jpeg") {
    RETURN_IF_ERROR(StripJpeg(bytes, &pieces, cut_behind));
    return pieces.Join(std::move(bytes));
  }
  if (media_type == "image/png") {
    RETURN_IF_ERROR(StripPng(bytes, &pieces));
    return pieces.Join(std::move(bytes));
  }
  if (media_type == "image/webp") return StripWebp(std::move(bytes));
  return absl::InvalidArgumentError(absl::StrCat(media_type, " is neither image/jpeg, image/png nor image/webp"));
}

}  // namespace mannequin
