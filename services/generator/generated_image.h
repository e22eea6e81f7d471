// What we drew as a file that says of itself that it was drawn.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "mannequin/v1/product.pb.h"
#include "services/generator/illustrator.h"
#include "services/generator/xmp.h"

namespace mannequin {

struct ImageFormat {
  std::string media_type = "image/png";  // or "image/jpeg" or "image/webp"; otherwise INVALID_ARGUMENT
  int size = 0;                          // pixels of a side; 0: as it was drawn
  int quality = 90;                      // of JPEG and WebP, 1 to 100
};

// Scaled, encoded, with GeneratedXmp in it and `sha256` filled in.
absl::StatusOr<v1::Image> EncodeGenerated(const Pixels& pixels, const ImageFormat& format,
                                          const Provenance& provenance);

}  // namespace mannequin
