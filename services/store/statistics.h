// What GetStatistics answers, kept up with every write and stored in the same batch:
// exact, and free to read.
#pragma once

#include <array>
#include <cstdint>

#include "mannequin/v1/product_store.pb.h"

namespace mannequin::store {

struct Statistics {
  std::int64_t products = 0;
  std::array<std::int64_t, v1::ImageState_ARRAYSIZE> image_states{};
  std::array<std::int64_t, v1::FetchFailure_ARRAYSIZE> fetch_failures{};
  std::int64_t images = 0;
  std::int64_t image_bytes = 0;
  std::int64_t rendition_bytes = 0;
  std::int64_t refreshes = 0;
  std::int64_t embeddings = 0;
  std::int64_t placeholders = 0;
  std::int64_t verdicts = 0;
  std::int64_t reviews = 0;

  // Adds (1) or takes away (-1) a product's share of the counts by state and failure.
  void CountImage(const v1::ImageInfo& image, int by);
  // Each count of `other`, `by` times.
  void Add(const Statistics& other, int by);

  // Every state and failure, also those with no product; without `disk_bytes`.
  v1::GetStatisticsResponse ToProto() const;
  static Statistics FromProto(const v1::GetStatisticsResponse& proto);
};

}  // namespace mannequin::store
