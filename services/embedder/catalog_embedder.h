// Embeds every product of the store with one encoder.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/store/product_store.h"
#include "common/text/text_encoder.h"
#include "mannequin/v1/text_embedder.pb.h"

namespace mannequin {

using CatalogReport = std::function<absl::Status(const v1::EmbedCatalogProgress& progress, double done)>;

// Embeds the products whose vector in the store is missing, of another bundle, of another
// text or of another category, on all cores, and leaves the others as they are. Products are
// read once, beside the embeddings that are there; memory does not grow with the catalogue.
// A product of which nothing is known any more loses the vector that it had. Calls `report`
// after each batch and ends with its status when it is not OK.
absl::StatusOr<v1::EmbedCatalogProgress> EmbedCatalog(ProductStore& store, const TextEncoder& encoder,
                                                      const std::string& bundle_version, const CatalogReport& report);

}  // namespace mannequin
