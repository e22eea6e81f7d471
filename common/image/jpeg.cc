#include "common/image/jpeg.h"

#include <jerror.h>
#include <jpeglib.h>

#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace mannequin {
namespace {

// A progressive picture may repeat its scans; each costs a pass over the whole picture.
constexpr int kMaxScans = 100;
constexpr int kApp1 = JPEG_APP0 + 1;  // EXIF
constexpr int kApp2 = JPEG_APP0 + 2;  // ICC

// libjpeg reports by calls: errors must not return, so they jump back to the decoder.
struct ErrorManager {
  jpeg_error_mgr base;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void Fail(j_common_ptr info) {
  auto* manager = reinterpret_cast<ErrorManager*>(info->err);
  (*info->err->format_message)(info, manager->message);
  std::longjmp(manager->jump, 1);
}

// Warnings that mean lost pixels are errors here; untidy but complete data passes, since
// cameras and old editors leave much of it.
void OnMessage(j_common_ptr info, int level) {
  if (level >= 0) return;
  switch (info->err->msg_code) {
    case JWRN_ADOBE_XFORM:
    case JWRN_BOGUS_PROGRESSION:
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_JFIF_MAJOR:
      return;
    default:
      Fail(info);
  }
}

void OnProgress(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number > kMaxScans) {
    ERREXIT(info, JERR_BAD_PROGRESSION);
  }
}

// TIFF inside APP1 (EXIF 2.3, 4.6): byte order, then the first directory's entries of 12
// bytes: tag, type, count, value. Tag 0x112 is the orientation. 1 when there is none.
int ExifOrientation(absl::string_view segment) {
  constexpr absl::string_view kMagic("Exif\0\0", 6);
  if (!absl::StartsWith(segment, kMagic)) return 1;
  const absl::string_view tiff = segment.substr(kMagic.size());
  if (tiff.size() < 8) return 1;
  const bool little = tiff[0] == 'I';
  const auto byte = [&](std::size_t at) -> std::uint32_t { return static_cast<std::uint8_t>(tiff[at]); };
  const auto read16 = [&](std::size_t at) {
    return little ? byte(at) | byte(at + 1) << 8 : byte(at) << 8 | byte(at + 1);
  };
  const auto read32 = [&](std::size_t at) {
    return little ? read16(at) | read16(at + 2) << 16 : read16(at) << 16 | read16(at + 2);
  };
  const std::size_t directory = read32(4);
  if (directory + 2 > tiff.size()) return 1;
  const std::size_t entries = read16(directory);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + 12 * i;
    if (entry + 12 > tiff.size()) return 1;
    if (read16(entry) != 0x112) continue;
    const std::uint32_t value = read16(entry + 8);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

class Decoder {
 public:
  Decoder() {
    info_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = Fail;
    errors_.base.emit_message = OnMessage;
    progress_.progress_monitor = OnProgress;
  }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { jpeg_destroy_decompress(&info_); }

  // Nothing with a destructor lives in this frame: libjpeg may jump out of any call.
  bool Run(absl::string_view bytes, int min_width, int min_height, JpegPrecision precision, JpegPicture* picture) {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_create_decompress(&info_);
    info_.progress = &progress_;
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    jpeg_save_markers(&info_, kApp1, 0xffff);
    jpeg_save_markers(&info_, kApp2, 0xffff);
    jpeg_read_header(&info_, TRUE);
    if (info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK) {
      picture->is_cmyk = true;
      return true;
    }
    info_.out_color_space = JCS_RGB;
    if (precision == JpegPrecision::kDraft) {
      info_.dct_method = JDCT_IFAST;
      info_.do_fancy_upsampling = FALSE;
    }
    info_.scale_denom = 8;
    info_.scale_num = 8;
    if (min_width > 0 && min_height > 0) {
      for (unsigned eighths = 1; eighths < 8; eighths *= 2) {
        if (info_.image_width * eighths / 8 < static_cast<unsigned>(min_width) ||
            info_.image_height * eighths / 8 < static_cast<unsigned>(min_height)) {
          continue;
        }
        info_.scale_num = eighths;
        break;
      }
    }
    jpeg_start_decompress(&info_);
    ReadMarkers(picture);
    Pixels& pixels = picture->pixels;
    pixels.width = static_cast<int>(info_.output_width);
    pixels.height = static_cast<int>(info_.output_height);
    pixels.rgb.resize(std::size_t{3} * info_.output_width * info_.output_height);
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW row = &pixels.rgb[std::size_t{3} * info_.output_scanline * info_.output_width];
      jpeg_read_scanlines(&info_, &row, 1);
    }
    // Reads up to the end-of-image marker, so a picture cut after its last row is seen too.
    jpeg_finish_decompress(&info_);
    return true;
  }

  const char* message() const { return errors_.message; }

 private:
  void ReadMarkers(JpegPicture* picture) {
    for (jpeg_saved_marker_ptr marker = info_.marker_list; marker != nullptr; marker = marker->next) {
      if (marker->marker != kApp1) continue;
      const int orientation = ExifOrientation({reinterpret_cast<const char*>(marker->data), marker->data_length});
      if (orientation != 1) picture->orientation = orientation;
    }
    JOCTET* icc = nullptr;
    unsigned size = 0;
    if (jpeg_read_icc_profile(&info_, &icc, &size)) {
      picture->icc.assign(reinterpret_cast<const char*>(icc), size);
      std::free(icc);
    }
  }

  jpeg_decompress_struct info_{};
  jpeg_progress_mgr progress_{};
  ErrorManager errors_{};
};

// Writes into a string that grows.
struct StringDestination {
  jpeg_destination_mgr base;
  std::string* out;

  static StringDestination& Of(j_compress_ptr info) { return *reinterpret_cast<StringDestination*>(info->dest); }
  static void Init(j_compress_ptr info) { Of(info).Offer(0); }
  static boolean Grow(j_compress_ptr info) {
    StringDestination& self = Of(info);
    const std::size_t used = self.out->size();
    self.out->resize(2 * used);
    self.Offer(used);
    return TRUE;
  }
  static void End(j_compress_ptr info) {
    StringDestination& self = Of(info);
    self.out->resize(self.out->size() - self.base.free_in_buffer);
  }
  void Offer(std::size_t used) {
    base.next_output_byte = reinterpret_cast<JOCTET*>(out->data()) + used;
    base.free_in_buffer = out->size() - used;
  }
};

class Encoder {
 public:
  explicit Encoder(std::string* out) {
    info_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = Fail;
    errors_.base.emit_message = OnMessage;
    destination_.out = out;
    destination_.base.init_destination = StringDestination::Init;
    destination_.base.empty_output_buffer = StringDestination::Grow;
    destination_.base.term_destination = StringDestination::End;
  }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  ~Encoder() { jpeg_destroy_compress(&info_); }

  // As in Decoder: nothing with a destructor lives in this frame.
  bool Run(const Pixels& pixels, int quality, JpegChroma chroma, absl::string_view app1) {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_create_compress(&info_);
    info_.dest = &destination_.base;
    info_.image_width = static_cast<unsigned>(pixels.width);
    info_.image_height = static_cast<unsigned>(pixels.height);
    info_.input_components = 3;
    info_.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info_);
    jpeg_set_quality(&info_, quality, TRUE);
    // Of luma, for two of chroma; libjpeg's default is half.
    if (chroma == JpegChroma::kFull) info_.comp_info[0].h_samp_factor = info_.comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(&info_, TRUE);
    if (!app1.empty()) {
      jpeg_write_marker(&info_, kApp1, reinterpret_cast<const JOCTET*>(app1.data()),
                        static_cast<unsigned>(app1.size()));
    }
    while (info_.next_scanline < info_.image_height) {
      // libjpeg's rows are not const though it only reads them.
      auto* row = const_cast<JSAMPROW>(&pixels.rgb[std::size_t{3} * info_.next_scanline * info_.image_width]);
      jpeg_write_scanlines(&info_, &row, 1);
    }
    jpeg_finish_compress(&info_);
    return true;
  }

  const char* message() const { return errors_.message; }

 private:
  jpeg_compress_struct info_{};
  StringDestination destination_{};
  ErrorManager errors_{};
};

}  // namespace

absl::StatusOr<JpegPicture> DecodeJpeg(absl::string_view bytes, int min_width, int min_height,
                                       JpegPrecision precision) {
  JpegPicture picture;
  Decoder decoder;
  if (!decoder.Run(bytes, min_width, min_height, precision, &picture)) {
    return absl::InvalidArgumentError(absl::StrCat("broken picture: JPEG: ", decoder.message()));
  }
  return picture;
}

absl::StatusOr<std::string> EncodeJpeg(const Pixels& pixels, int quality, JpegChroma chroma, absl::string_view xmp) {
  const std::size_t size = std::size_t{3} * std::max(0, pixels.width) * std::max(0, pixels.height);
  if (size == 0 || pixels.rgb.size() != size) {
    return absl::InvalidArgumentError("EncodeJpeg: rgb is not width * height * 3 bytes");
  }
  std::string app1;
  if (!xmp.empty()) app1 = absl::StrCat(absl::string_view("http://ns.adobe.com/xap/1.0/\0", 29), xmp);
  if (app1.size() > 65'533) return absl::InvalidArgumentError("EncodeJpeg: an XMP packet over 65,000 bytes");
  // A guess that nearly always holds: one byte a pixel and the tables.
  std::string out(size / 3 + 2048 + app1.size(), '\0');
  Encoder encoder(&out);
  if (!encoder.Run(pixels, quality, chroma, app1)) {
    return absl::InvalidArgumentError(absl::StrCat("cannot encode: JPEG: ", encoder.message()));
  }
  return out;
}

}  // namespace mannequin
