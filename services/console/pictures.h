// The picture that stands for a product: its own, or else its approved placeholder with its
// badge, which is always said to be generated.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "grpcpp/channel.h"
#include "mannequin/v1/product.pb.h"
#include "services/console/call_terms.h"

namespace mannequin {

struct Picture {
  v1::Image image;
  // Drawn by the suite, not a photograph.
  bool generated = false;
};

// Thread-safe.
class Pictures {
 public:
  explicit Pictures(std::shared_ptr<grpc::Channel> store) : store_(std::move(store)) {}

  // `at_least_side`: a rendition of that size is enough; 0: the picture itself. NOT_FOUND
  // when the product is unknown or has neither picture; else the store's error.
  absl::StatusOr<Picture> OfProduct(const std::string& product_id, int at_least_side, const CallTerms& terms) const;

  // The placeholder of a product in whatever state, without a badge, for its review. NOT_FOUND.
  absl::StatusOr<Picture> OfPlaceholder(const std::string& product_id, const CallTerms& terms) const;

 private:
  std::shared_ptr<grpc::Channel> store_;
};

}  // namespace mannequin
