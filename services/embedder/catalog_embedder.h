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

// Writes in batches, encoding on all cores; calls `report` after each and ends with its
// status when it is not OK. Running it again writes the same vectors.
absl::StatusOr<v1::EmbedCatalogProgress> EmbedCatalog(ProductStore& store, const TextEncoder& encoder,
                                                      const std::string& bundle_version, const CatalogReport& report);

}  // namespace mannequin
