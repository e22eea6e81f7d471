// What is known of the image of a product that was just written.
#pragma once

#include "mannequin/v1/product.pb.h"

namespace mannequin::store {

inline v1::ImageState NewImageState(const v1::Product& product) {
  return product.image_url().empty() ? v1::IMAGE_STATE_MISSING : v1::IMAGE_STATE_PENDING;
}

// Whether its image is to be fetched: not yet had, or asked for again.
inline bool IsToBeFetched(const v1::ImageInfo& image) {
  return image.state() == v1::IMAGE_STATE_PENDING || image.refresh();
}

}  // namespace mannequin::store
