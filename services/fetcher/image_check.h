// Is a fetched body a picture that a catalogue can use?
//
//   ImageCheck check = CheckImage(body, {.header_only = false});
//   if (check.failure != v1::FETCH_FAILURE_UNSPECIFIED) ...   // check.message says why
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "common/image/image.h"
#include "mannequin/v1/product.pb.h"

namespace mannequin {

struct ImageCheckOptions {
  ImageLimits limits;
  // True: the header is enough. False: every row is decoded, so that a picture that is
  // cut or broken further down is found.
  bool header_only = false;
};

struct ImageCheck {
  // UNSPECIFIED (good), EMPTY_BODY, NOT_AN_IMAGE or TOO_LARGE.
  v1::FetchFailure failure = v1::FETCH_FAILURE_UNSPECIFIED;
  std::string message;
  // Of a good picture.
  ImageHeader header;
};

// Thread-safe after InitImages().
ImageCheck CheckImage(absl::string_view body, const ImageCheckOptions& options);

}  // namespace mannequin
