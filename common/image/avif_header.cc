// AVIF (AV1 Image File Format 1.1) in ISO base media boxes (ISO/IEC 14496-12, 23008-12).
// A box: size (32 bits; 1: 64 bits follow; 0: to the end), type, content.
//
//   ftyp                  brands: "avif", or "avis" for a sequence
//   meta
//     pitm                the primary item
//     iinf > infe         each item's type: "av01" pixels, "grid" tiles put together
//     iloc                where each item's data is: the file, or `idat`
//     iprp > ipco > ispe  sizes; ipma says which property belongs to which item
//   moov > trak > ... > stsz   the samples of a sequence
//
// libheif allocates by what the AV1 data and the grid say, not by `ispe`: their sizes are
// read too, so that a lying header cannot pass a limit.
#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/image/bytes.h"
#include "common/image/image_header.h"

namespace mannequin {
namespace {

constexpr std::size_t kMaxItems = 1024;

absl::Status Broken(absl::string_view what) { return BrokenPicture(absl::StrCat("AVIF: ", what)); }

struct BoxView {
  absl::string_view type;
  absl::string_view content;
};

// Takes a box off the front of `rest`. Empty at its end and where no sound box begins.
std::optional<BoxView> NextBox(absl::string_view& rest) {
  if (rest.size() < 8) return std::nullopt;
  std::uint64_t size = Big32(rest, 0);
  std::size_t header = 8;
  if (size == 1) {
    if (rest.size() < 16) return std::nullopt;
    size = Big64(rest, 8);
    header = 16;
  } else if (size == 0) {
    size = rest.size();
  }
  if (size < header || size > rest.size()) return std::nullopt;
  const BoxView box{rest.substr(4, 4), rest.substr(header, size - header)};
  rest.remove_prefix(size);
  return box;
}

absl::string_view Find(absl::string_view boxes, absl::string_view type) {
  while (const std::optional<BoxView> box = NextBox(boxes)) {
    if (box->type == type) return box->content;
  }
  return {};
}

// Fields one after another; past the end they read as 0 and `sound` turns false.
class Fields {
 public:
  explicit Fields(absl::string_view bytes) : bytes_(bytes) {}
  std::uint64_t Take(int bytes) {
    if (static_cast<std::size_t>(bytes) > bytes_.size()) {
      sound_ = false;
      bytes_ = {};
      return 0;
    }
    std::uint64_t value = 0;
    for (int i = 0; i < bytes; ++i) value = value << 8 | Byte(bytes_, i);
    bytes_.remove_prefix(bytes);
    return value;
  }
  bool sound() const { return sound_; }

 private:
  absl::string_view bytes_;
  bool sound_ = true;
};

class Bits {
 public:
  explicit Bits(absl::string_view bytes) : bytes_(bytes) {}
  std::uint32_t Take(int bits) {
    std::uint32_t value = 0;
    for (; bits > 0; --bits, ++at_) {
      if (at_ / 8 >= bytes_.size()) {
        sound_ = false;
        return 0;
      }
      value = value << 1 | (Byte(bytes_, at_ / 8) >> (7 - at_ % 8) & 1);
    }
    return value;
  }
  // uvlc() of the AV1 specification, 4.10.3.
  std::uint32_t TakeVariable() {
    int zeros = 0;
    while (sound_ && Take(1) == 0) ++zeros;
    return zeros == 0 || zeros >= 32 ? 0 : Take(zeros) + (1u << zeros) - 1;
  }
  bool sound() const { return sound_; }

 private:
  absl::string_view bytes_;
  std::size_t at_ = 0;
  bool sound_ = true;
};

struct Size {
  std::int64_t width = 0;
  std::int64_t height = 0;
};

// sequence_header_obu() of the AV1 specification, 5.5.1, as far as the frame's size.
std::optional<Size> SequenceSize(absl::string_view obu) {
  Bits bits(obu);
  bits.Take(3 + 1);  // seq_profile, still_picture
  if (bits.Take(1) != 0) {
    bits.Take(5);
  } else {
    bool decoder_model = false;
    int delay_bits = 0;
    if (bits.Take(1) != 0) {  // timing_info
      bits.Take(32);
      bits.Take(32);
      if (bits.Take(1) != 0) bits.TakeVariable();
      decoder_model = bits.Take(1) != 0;
      if (decoder_model) {
        delay_bits = static_cast<int>(bits.Take(5)) + 1;
        bits.Take(32);
        bits.Take(10);
      }
    }
    const bool display_delay = bits.Take(1) != 0;
    const std::uint32_t points = bits.Take(5) + 1;
    for (std::uint32_t i = 0; i < points; ++i) {
      bits.Take(12);
      if (bits.Take(5) > 7) bits.Take(1);
      if (decoder_model && bits.Take(1) != 0) {
        bits.Take(delay_bits);
        bits.Take(delay_bits);
        bits.Take(1);
      }
      if (display_delay && bits.Take(1) != 0) bits.Take(4);
    }
  }
  const int width_bits = static_cast<int>(bits.Take(4)) + 1;
  const int height_bits = static_cast<int>(bits.Take(4)) + 1;
  const Size size{std::int64_t{bits.Take(width_bits)} + 1, std::int64_t{bits.Take(height_bits)} + 1};
  return bits.sound() ? std::optional(size) : std::nullopt;
}

// The largest of all sequence headers among the item's units (OBUs): one is the rule.
absl::StatusOr<Size> Av1Size(absl::string_view data) {
  Size largest;
  while (!data.empty()) {
    // obu_header: forbidden (1), type (4), extension, has_size, reserved.
    const std::uint32_t header = Byte(data, 0);
    if ((header & 0x80) != 0) return Broken("AV1 data is no sequence of OBUs");
    std::size_t at = (header & 4) != 0 ? 2 : 1;
    std::uint64_t size = 0;
    if ((header & 2) != 0) {
      for (int i = 0;; ++i) {
        if (i == 8 || at >= data.size()) return Broken("an OBU without an end to its length");
        const std::uint64_t byte = Byte(data, at++);
        size |= (byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) break;
      }
    } else {
      size = data.size() - std::min(at, data.size());
    }
    if (at > data.size() || size > data.size() - at) return Broken("an OBU ends behind its item");
    const std::uint32_t type = header >> 3 & 0xf;
    // Reserved ones (0, 9 to 14) would be skipped, but decoders write about them on standard error.
    if (type == 0 || (type > 8 && type < 15)) return Broken("an OBU of a reserved type");
    if (type == 1) {
      const std::optional<Size> one = SequenceSize(data.substr(at, size));
      if (!one.has_value()) return Broken("its AV1 sequence header is cut");
      if (one->width * one->height > largest.width * largest.height) largest = *one;
    }
    data.remove_prefix(at + size);
  }
  if (largest.width == 0) return Broken("an AV1 item without a sequence header");
  return largest;
}

struct Item {
  std::string type;
  std::optional<Size> ispe;
  std::string data;  // as far as it is needed
  bool located = false;
};
using Items = std::map<std::uint32_t, Item>;

// infe (ISO/IEC 14496-12, 8.11.6) of versions 2 and 3: id (16 or 32 bits), protection, type.
absl::Status ReadTypes(absl::string_view iinf, Items* items) {
  if (iinf.size() < 6) return Broken("no item table (iinf)");
  absl::string_view rest = iinf.substr(Byte(iinf, 0) == 0 ? 6 : std::min<std::size_t>(8, iinf.size()));
  while (const std::optional<BoxView> box = NextBox(rest)) {
    if (box->type != "infe" || box->content.empty()) continue;
    const std::uint32_t version = Byte(box->content, 0);
    const std::size_t id_bytes = version == 3 ? 4 : 2;
    if (version < 2 || box->content.size() < 10 + id_bytes) return Broken("an item (infe) of an unknown version");
    const std::uint32_t id = id_bytes == 4 ? Big32(box->content, 4) : Big16(box->content, 4);
    (*items)[id].type = std::string(box->content.substr(4 + id_bytes + 2, 4));
    if (items->size() > kMaxItems) return Broken("over 1,024 items");
  }
  return absl::OkStatus();
}

// ipma (ISO/IEC 23008-12, 9.3): for each item the numbers of its properties in ipco.
absl::Status ReadSizes(absl::string_view iprp, Items* items) {
  std::vector<std::optional<Size>> properties;
  for (absl::string_view rest = Find(iprp, "ipco"); const std::optional<BoxView> box = NextBox(rest);) {
    std::optional<Size> size;
    if (box->type == "ispe" && box->content.size() >= 12) size = Size{Big32(box->content, 4), Big32(box->content, 8)};
    properties.push_back(size);
  }
  for (absl::string_view rest = iprp; const std::optional<BoxView> box = NextBox(rest);) {
    if (box->type != "ipma") continue;
    Fields fields(box->content);
    const auto version = fields.Take(1);
    const auto flags = fields.Take(3);
    const auto count = fields.Take(4);
    for (std::uint64_t i = 0; i < count && fields.sound(); ++i) {
      const auto id = static_cast<std::uint32_t>(fields.Take(version == 0 ? 2 : 4));
      const auto associations = fields.Take(1);
      const auto item = items->find(id);
      for (std::uint64_t k = 0; k < associations && fields.sound(); ++k) {
        const auto index = (flags & 1) != 0 ? fields.Take(2) & 0x7fff : fields.Take(1) & 0x7f;
        if (item == items->end() || index == 0 || index > properties.size()) continue;
        if (const auto& size = properties[index - 1]; size.has_value()) item->second.ispe = size;
      }
    }
    if (!fields.sound()) return Broken("its property table (ipma) is cut");
  }
  return absl::OkStatus();
}

// iloc (ISO/IEC 14496-12, 8.11.3). Extents are put together as libheif does.
absl::Status ReadData(absl::string_view file, absl::string_view meta, Items* items) {
  const absl::string_view iloc = Find(meta, "iloc");
  const absl::string_view idat = Find(meta, "idat");
  Fields fields(iloc);
  const auto version = fields.Take(1);
  fields.Take(3);
  const auto sizes = fields.Take(2);
  const int offset_bytes = sizes >> 12 & 0xf;
  const int length_bytes = sizes >> 8 & 0xf;
  const int base_bytes = sizes >> 4 & 0xf;
  const int index_bytes = version == 0 ? 0 : sizes & 0xf;
  if (version > 2 || offset_bytes > 8 || length_bytes > 8 || base_bytes > 8 || index_bytes > 8) {
    return Broken("its item locations (iloc) are of an unknown version");
  }
  const auto count = fields.Take(version < 2 ? 2 : 4);
  std::size_t held = 0;
  for (std::uint64_t i = 0; i < count && fields.sound(); ++i) {
    const auto id = static_cast<std::uint32_t>(fields.Take(version < 2 ? 2 : 4));
    const auto method = version == 0 ? 0 : fields.Take(2) & 0xf;
    fields.Take(2);
    const auto base = fields.Take(base_bytes);
    const auto extents = fields.Take(2);
    const auto item = items->find(id);
    const bool wanted = item != items->end() && (item->second.type == "av01" || item->second.type == "grid");
    if (wanted && (method > 1 || item->second.located)) return Broken("pixels that are located twice or elsewhere");
    for (std::uint64_t k = 0; k < extents && fields.sound(); ++k) {
      fields.Take(index_bytes);
      const auto offset = fields.Take(offset_bytes);
      const auto length = fields.Take(length_bytes);
      if (!wanted) continue;
      item->second.located = true;
      const absl::string_view source = method == 1 ? idat : file;
      if (base > source.size() || offset > source.size() - base || length > source.size() - base - offset) {
        return Broken("an item's data lies behind the end of the file");
      }
      // Extents may overlap: all items together are no larger than the file in honest ones.
      held += length;
      if (held > file.size()) return Broken("items that share their data");
      absl::StrAppend(&item->second.data, source.substr(base + offset, length));
    }
  }
  if (!fields.sound()) return Broken("its item locations (iloc) are cut");
  return absl::OkStatus();
}

// The most samples that a track of `moov` has.
int CountSamples(absl::string_view moov, const ImageLimits& limits) {
  std::uint32_t most = 1;
  while (const std::optional<BoxView> box = NextBox(moov)) {
    if (box->type != "trak") continue;
    const absl::string_view stbl = Find(Find(Find(box->content, "mdia"), "minf"), "stbl");
    const absl::string_view stsz = Find(stbl, "stsz");
    if (stsz.size() >= 12) most = std::max(most, Big32(stsz, 8));
  }
  return static_cast<int>(std::min<std::uint32_t>(most, limits.max_frames < 0 ? 1 : limits.max_frames + 1u));
}

absl::Status CheckPixels(const Size& size, const ImageLimits& limits) {
  // Both below 2^32: no overflow once one is bounded by the limit.
  if (size.width > limits.max_pixels || size.height > limits.max_pixels / std::max<std::int64_t>(1, size.width)) {
    return absl::ResourceExhaustedError(
        absl::StrCat("picture of ", size.width, "x", size.height, " pixels is over max_pixels = ", limits.max_pixels));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ImageHeader> ReadAvifHeader(absl::string_view bytes, const ImageLimits& limits) {
  absl::string_view rest = bytes;
  const std::optional<BoxView> ftyp = NextBox(rest);
  if (!ftyp.has_value() || ftyp->content.size() < 8) return Broken("it ends inside its first box");
  bool avif = false;
  bool heic = false;
  for (std::size_t at = 0; at + 4 <= ftyp->content.size(); at += 4) {
    const absl::string_view brand = ftyp->content.substr(at, 4);
    avif |= at != 4 && (brand == "avif" || brand == "avis");
    heic |= at != 4 && (brand == "heic" || brand == "heix" || brand == "hevc" || brand == "hevx");
  }
  if (!avif) {
    return absl::InvalidArgumentError(
        heic ? "not a picture that is taken: HEIC; JPEG, PNG, WebP, GIF or AVIF is expected"
             : "not a picture: an ISO media file that names neither avif nor avis");
  }
  absl::string_view meta = Find(rest, "meta");
  if (meta.size() < 4) return Broken("no meta box");
  meta.remove_prefix(4);
  const absl::string_view pitm = Find(meta, "pitm");
  if (pitm.size() < 6 || (Byte(pitm, 0) != 0 && pitm.size() < 8)) return Broken("no primary item (pitm)");
  const std::uint32_t primary_id = Byte(pitm, 0) == 0 ? Big16(pitm, 4) : Big32(pitm, 4);

  Items items;
  RETURN_IF_ERROR(ReadTypes(Find(meta, "iinf"), &items));
  const auto primary = items.find(primary_id);
  if (primary == items.end()) return Broken("its primary item is not in its item table");
  if (primary->second.type == "hvc1") {
    return absl::InvalidArgumentError("not a picture that is taken: HEIC that calls itself AVIF");
  }
  if (primary->second.type != "av01" && primary->second.type != "grid") {
    return Broken("its primary item is neither AV1 nor a grid");
  }
  RETURN_IF_ERROR(ReadSizes(Find(meta, "iprp"), &items));
  if (!primary->second.ispe.has_value()) return Broken("its primary item has no size (ispe)");
  RETURN_IF_ERROR(ReadData(bytes, meta, &items));
  for (const auto& [id, item] : items) {
    if (item.ispe.has_value()) RETURN_IF_ERROR(CheckPixels(*item.ispe, limits));
    if (item.type == "av01") {
      ASSIGN_OR_RETURN(const Size size, Av1Size(item.data));
      RETURN_IF_ERROR(CheckPixels(size, limits));
    } else if (item.type == "grid") {
      // ISO/IEC 23008-12, 6.6.2.3: version, flags (bit 0: 32-bit sizes), rows - 1, columns - 1.
      Fields fields(item.data);
      const int side_bytes = (fields.Take(2) & 1) != 0 ? 4 : 2;
      fields.Take(2);
      Size size;
      size.width = static_cast<std::int64_t>(fields.Take(side_bytes));
      size.height = static_cast<std::int64_t>(fields.Take(side_bytes));
      if (!fields.sound()) return Broken("its grid is cut");
      RETURN_IF_ERROR(CheckPixels(size, limits));
    }
  }
  const Size size = *primary->second.ispe;
  return ImageHeader{static_cast<int>(std::min<std::int64_t>(size.width, INT32_MAX)),
                     static_cast<int>(std::min<std::int64_t>(size.height, INT32_MAX)), "image/avif",
                     CountSamples(Find(rest, "moov"), limits)};
}

}  // namespace mannequin
