// Trains tokenizer and word vectors on the whole catalogue and publishes them as a bundle.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/model/bundle.h"
#include "common/store/product_store.h"
#include "common/text/text_model.h"
#include "mannequin/v1/text_embedder.pb.h"

namespace mannequin {

// The request with its defaults filled in. INVALID_ARGUMENT naming the field and its
// bound.
absl::StatusOr<TextModelOptions> TrainingOptions(const v1::TrainEmbeddingRequest& request);

// Called while reading, at each stage and after every epoch; when it answers not OK, training ends with that.
using TrainingReport = std::function<absl::Status(const v1::TrainEmbeddingProgress& progress, double done)>;

// Reads every product, trains, publishes the bundle and makes it the current one. What
// is answered is the last progress, with the bundle's version. FAILED_PRECONDITION for
// an empty catalogue; otherwise as TextModel::Train, BundleFolder and the store.
absl::StatusOr<v1::TrainEmbeddingProgress> TrainEmbedding(ProductStore& store, const BundleFolder& bundles,
                                                          const v1::TrainEmbeddingRequest& request,
                                                          const TrainingReport& report);

}  // namespace mannequin
