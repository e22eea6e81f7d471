// Small pictures for a crawl, each unlike the others.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "absl/strings/str_format.h"
#include "common/image/image.h"

namespace mannequin {

inline std::string PictureName(int i) { return absl::StrFormat("%05d.jpg", i); }

// JPEG files PictureName(0) and on, of smooth colours, in a new `folder`.
inline void WritePictures(const std::string& folder, int count) {
  std::filesystem::create_directories(folder);
  for (int i = 0; i < count; ++i) {
    std::mt19937 random(static_cast<std::uint32_t>(i));
    const std::uint32_t shade = random();
    Pixels pixels;
    pixels.width = 64;
    pixels.height = 48;
    for (int at = 0; at < pixels.width * pixels.height; ++at) {
      for (int channel = 0; channel < 3; ++channel) {
        const int slope = static_cast<int>(shade >> (8 * channel) & 7) + 1;
        const int start = static_cast<int>(shade >> (8 * channel + 3) & 127);
        pixels.rgb.push_back(static_cast<std::uint8_t>(start + slope * (at % pixels.width + at / pixels.width) / 8));
      }
    }
    std::ofstream(folder + "/" + PictureName(i), std::ios::binary) << EncodeImage(pixels, "image/jpeg").value();
  }
}

}  // namespace mannequin
