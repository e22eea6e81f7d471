// What a bundle was trained on, so that it can be asked later whether a product was
// among it.
//
//   RETURN_IF_ERROR(WriteLineage(ids, staging, manifest.mutable_lineage()));
//   ASSIGN_OR_RETURN(const std::vector<std::string> trained, TrainedAmong(folder, manifest, {"B00005N5PF"}));
//
// File products.sha256 of a bundle: the first 8 bytes of the SHA-256 of each training product's
// id, sorted, one after another, nothing else: 8 bytes a product. It tells who knows an
// id whether it is there (by mistake once in 2^64 / products ids), and nobody what the
// ids are.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "mannequin/v1/bundle.pb.h"
#include "services/trainer/pack.h"

namespace mannequin {

inline constexpr char kProductsFile[] = "products.sha256";

// Writes the file into `folder` and sets `products`, `opted_out` and `products_sha256`.
absl::Status WriteLineage(const Pack& pack, const std::string& folder, v1::Lineage* lineage);

// Those of `ids` that the bundle in `folder` was trained on, in their order.
// FAILED_PRECONDITION when it keeps no list; DATA_LOSS when the file is not the
// manifest's.
absl::StatusOr<std::vector<std::string>> TrainedAmong(const std::string& folder, const v1::BundleManifest& manifest,
                                                      const std::vector<std::string>& ids);

}  // namespace mannequin
