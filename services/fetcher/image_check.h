// Is a fetched body a picture that a catalogue can use, and what of it is kept?
//
//   ImageCheck check = CheckImage(std::move(body), {.header_only = false});
//   if (check.failure != v1::FETCH_FAILURE_UNSPECIFIED) ...   // check.message says why
//   Keep(check.picture.data, check.picture.renditions);
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "common/image/image.h"
#include "common/image/stored_picture.h"
#include "mannequin/v1/product.pb.h"

namespace mannequin {

struct ImageCheckOptions {
  ImageLimits limits;
  // True: the header is enough; the bytes stay as they came and nothing is made of them.
  // False: every row is decoded, so that a picture that is cut or broken further down is
  // found.
  bool header_only = false;
  // As in StoredPictureOptions.
  bool keep_original = false;
  std::vector<int> rendition_sides = {128};
  // Lower-case hex SHA-256, as fetched, of pictures that say that there is none.
  absl::flat_hash_set<std::string> not_available_sha256;
};

struct ImageCheck {
  // UNSPECIFIED (good), EMPTY_BODY, NOT_AN_IMAGE, TOO_LARGE or NOT_AVAILABLE.
  v1::FetchFailure failure = v1::FETCH_FAILURE_UNSPECIFIED;
  std::string message;
  // Lower-case hex SHA-256 of the body as fetched; also of a bad one, unless it is empty.
  std::string source_sha256;
  // Of a good picture. With `header_only` without hash and renditions.
  StoredPicture picture;
};

// Thread-safe after InitImages(). `body` is taken.
ImageCheck CheckImage(std::string&& body, const ImageCheckOptions& options);

}  // namespace mannequin
