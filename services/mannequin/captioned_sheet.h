// Pictures with words under them, in rows, as one PNG: what a person looks through.
//
//   ASSIGN_OR_RETURN(std::string png, CaptionedSheet({{.picture = pixels, .caption = product.title()}}, 8));
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/image/image.h"

namespace mannequin {

struct CaptionedPicture {
  Pixels picture;        // of any size; shown 144 pixels wide and high
  std::string caption;   // UTF-8; wrapped, cut after three lines
  std::string footnote;  // one line, smaller
};

// `columns` 1 or more. INVALID_ARGUMENT for no pictures.
absl::StatusOr<std::string> CaptionedSheet(const std::vector<CaptionedPicture>& pictures, int columns);

}  // namespace mannequin
