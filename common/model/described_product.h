// What the networks are told of a product, checked: the fields of a request that asks
// for a picture or for a verdict.
//
//   RETURN_IF_ERROR(CheckDescribed(request.product()));
//   int listed = gan.CategoryIndex(LeafCategory(request.product()));
//
// Not for products on their way into the store, which has bounds of its own for ids and
// addresses.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "mannequin/v1/product.pb.h"

namespace mannequin {

// INVALID_ARGUMENT, naming the field, without a category, or for a field over its bound in
// product.proto. A category alone describes a product; `id` and `image_url` may be empty.
absl::Status CheckDescribed(const v1::Product& product);

// CheckDescribed, and a title: a listing that is to be judged says what it sells.
absl::Status CheckListing(const v1::Product& product);

// The last part of the category path; empty when there is none.
std::string LeafCategory(const v1::Product& product);

// The attribute "color", or what the title says of it for certain (DeriveAttributes); lower
// case. Empty when neither does.
std::string ListedColor(const v1::Product& product);

}  // namespace mannequin
