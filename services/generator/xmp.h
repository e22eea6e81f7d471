// The XMP packet of a picture that we drew: by what, for which product, by which bundle,
// from which seed.
// Sources: ISO 16684-1 (XMP); IPTC Photo Metadata Standard 2023.2, "Digital Source Type".
//
//   EncodeImage(pixels, "image/png", 90, GeneratedXmp({.product_id = "B00X", ...}));
#pragma once

#include <cstdint>
#include <string>

namespace mannequin {

struct Provenance {
  std::string product_id;  // any text; empty when the product has none
  std::string bundle_version;
  std::uint64_t seed = 0;
  bool category_card = false;  // words on a ground that a program drew, and no seed
};

// A whole packet in UTF-8. HasGeneratedMark finds it.
std::string GeneratedXmp(const Provenance& provenance);

}  // namespace mannequin
