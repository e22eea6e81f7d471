#include "tests/unit/image/picture_files.h"

#include <zlib.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/image/bytes.h"

namespace mannequin {
namespace {

std::string PngChunk(absl::string_view type, absl::string_view content) {
  const std::string body = absl::StrCat(type, content);
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return absl::StrCat(Big32Bytes(static_cast<std::uint32_t>(content.size())), body,
                      Big32Bytes(static_cast<std::uint32_t>(crc)));
}

std::string Little16Bytes(int value) { return {static_cast<char>(value), static_cast<char>(value >> 8)}; }
std::string Little24Bytes(int value) { return Little16Bytes(value) + static_cast<char>(value >> 16); }

std::string RiffChunk(absl::string_view type, absl::string_view content) {
  return absl::StrCat(type, Little32Bytes(static_cast<std::uint32_t>(content.size())), content,
                      content.size() % 2 != 0 ? std::string(1, '\0') : "");
}

}  // namespace

Pixels TestGradient(int width, int height) {
  Pixels pixels{width, height, {}};
  pixels.rgb.reserve(std::size_t{3} * width * height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      pixels.rgb.push_back(static_cast<std::uint8_t>(40 + 180 * x / width));
      pixels.rgb.push_back(static_cast<std::uint8_t>(40 + 180 * y / height));
      pixels.rgb.push_back(120);
    }
  }
  return pixels;
}

Pixels TestTexture(int width, int height) {
  Pixels pixels = TestGradient(width, height);
  std::uint32_t state = 1;
  for (std::uint8_t& value : pixels.rgb) {
    state = state * 1664525 + 1013904223;
    value = static_cast<std::uint8_t>(value + (state >> 28));
  }
  return pixels;
}

double MeanDifference(const Pixels& a, const Pixels& b) {
  if (a.width != b.width || a.rgb.size() != b.rgb.size() || a.rgb.empty()) return 1e9;
  double sum = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) sum += std::abs(a.rgb[i] - b.rgb[i]);
  return sum / static_cast<double>(a.rgb.size());
}

std::string EncodeByVips(const Pixels& pixels, const std::string& suffix,
                         const std::function<VipsImage*(VipsImage*)>& change) {
  InitImages();
  VipsImage* image = vips_image_new_from_memory_copy(pixels.rgb.data(), pixels.rgb.size(), pixels.width, pixels.height,
                                                     3, VIPS_FORMAT_UCHAR);
  image->Type = VIPS_INTERPRETATION_sRGB;
  if (change) {
    VipsImage* changed = change(image);
    g_object_unref(image);
    image = changed;
  }
  void* buffer = nullptr;
  std::size_t size = 0;
  if (vips_image_write_to_buffer(image, suffix.c_str(), &buffer, &size, nullptr) != 0) {
    std::fprintf(stderr, "EncodeByVips: %s\n", vips_error_buffer());
    std::abort();
  }
  std::string bytes(static_cast<char*>(buffer), size);
  g_free(buffer);
  g_object_unref(image);
  return bytes;
}

std::string AnimatedGif(int frames) {
  // Screen of 4x4 and two colours; each frame is 1x1: code size 2, one sub-block.
  std::string gif("GIF89a\x04\0\x04\0\x80\0\0\0\0\0\xff\xff\xff", 19);
  for (int i = 0; i < frames; ++i)
    absl::StrAppend(&gif, absl::string_view("\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0", 15));
  return gif + ";";
}

std::string AnimatedWebp(int frames) {
  const std::string still = EncodeImage(TestGradient(16, 16), "image/webp").value();
  const std::size_t pixels = still.find("VP8 ");
  const std::size_t size = Little32(still, pixels + 4);
  std::string frame =
      absl::StrCat(Little24Bytes(0), Little24Bytes(0), Little24Bytes(15), Little24Bytes(15), Little24Bytes(100),
                   std::string(1, '\0'), RiffChunk("VP8 ", still.substr(pixels + 8, size)));
  std::string chunks =
      RiffChunk("VP8X", absl::StrCat(absl::string_view("\x02\0\0\0", 4), Little24Bytes(15), Little24Bytes(15)));
  absl::StrAppend(&chunks, RiffChunk("ANIM", absl::string_view("\0\0\0\0\0\0", 6)));
  for (int i = 0; i < frames; ++i) absl::StrAppend(&chunks, RiffChunk("ANMF", frame));
  return absl::StrCat("RIFF", Little32Bytes(static_cast<std::uint32_t>(chunks.size() + 4)), "WEBP", chunks);
}

std::string AnimatedPng(const Pixels& first, int frames) {
  std::string png = EncodeImage(first, "image/png").value();
  png = WithPngChunk(png, "acTL", absl::StrCat(Big32Bytes(static_cast<std::uint32_t>(frames)), Big32Bytes(0)));
  const auto control = [&](std::uint32_t sequence) {
    return absl::StrCat(Big32Bytes(sequence), Big32Bytes(static_cast<std::uint32_t>(first.width)),
                        Big32Bytes(static_cast<std::uint32_t>(first.height)), Big32Bytes(0), Big32Bytes(0),
                        absl::string_view("\0\x01\0\x0a\0\0", 6));
  };
  png = WithPngChunk(png, "fcTL", control(0));
  std::string rest;
  for (int i = 1; i < frames; ++i) {
    const auto sequence = static_cast<std::uint32_t>(2 * i - 1);
    absl::StrAppend(&rest, PngChunk("fcTL", control(sequence)),
                    PngChunk("fdAT", absl::StrCat(Big32Bytes(sequence + 1), "x")));
  }
  return png.insert(png.size() - 12, rest);
}

std::string FlatPng(int width, int height) {
  std::string header =
      absl::StrCat(Big32Bytes(static_cast<std::uint32_t>(width)), Big32Bytes(static_cast<std::uint32_t>(height)),
                   absl::string_view("\x01\0\0\0\0", 5));
  const std::string row(1 + (static_cast<std::size_t>(width) + 7) / 8, '\0');
  z_stream stream{};
  deflateInit(&stream, 9);
  std::string data;
  std::vector<Bytef> out(1 << 16);
  for (int y = 0; y <= height; ++y) {
    const bool last = y == height;
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(row.data()));
    stream.avail_in = last ? 0 : static_cast<uInt>(row.size());
    do {
      stream.next_out = out.data();
      stream.avail_out = static_cast<uInt>(out.size());
      deflate(&stream, last ? Z_FINISH : Z_NO_FLUSH);
      data.append(reinterpret_cast<char*>(out.data()), out.size() - stream.avail_out);
    } while (stream.avail_out == 0);
  }
  deflateEnd(&stream);
  return absl::StrCat("\x89PNG\r\n\x1a\n", PngChunk("IHDR", header), PngChunk("IDAT", data), PngChunk("IEND", ""));
}

std::string WithPngChunk(absl::string_view png, absl::string_view type, absl::string_view content) {
  const std::size_t at = png.find("IDAT") - 4;
  return absl::StrCat(png.substr(0, at), PngChunk(type, content), png.substr(at));
}

std::string WithJpegSegment(absl::string_view jpeg, int marker, absl::string_view content) {
  const std::size_t size = content.size() + 2;
  return absl::StrCat(jpeg.substr(0, 2), "\xff", std::string(1, static_cast<char>(marker)),
                      std::string{static_cast<char>(size >> 8), static_cast<char>(size)}, content, jpeg.substr(2));
}

std::string ExifOrientation(int orientation) {
  return absl::StrCat(absl::string_view("Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 24),
                      Little16Bytes(orientation), absl::string_view("\0\0\0\0\0\0", 6));
}

}  // namespace mannequin
