#include "services/trainer/batch_shard.h"

#include "absl/strings/str_cat.h"
#include "common/base/check_range.h"
#include "common/base/status_macros.h"

namespace mannequin {
namespace {

// The rank's part of `rows`, which holds as many values for each image.
template <typename T>
std::vector<T> PartOf(const std::vector<T>& rows, std::size_t rank, std::size_t world_size) {
  const auto part = static_cast<std::ptrdiff_t>(rows.size() / world_size);
  const auto begin = rows.begin() + part * static_cast<std::ptrdiff_t>(rank);
  return {begin, begin + part};
}

}  // namespace

absl::StatusOr<Batch> ShardOf(const Batch& batch, int rank, int world_size) {
  const auto images = static_cast<std::int64_t>(batch.labels.size());
  RETURN_IF_ERROR(CheckRange<std::int64_t>("world_size", world_size, 1, images));
  RETURN_IF_ERROR(CheckRange<std::int64_t>("rank", rank, 0, world_size - 1));
  if (images % world_size != 0) {
    return absl::InvalidArgumentError(absl::StrCat("a batch of ", images, " images cannot be shared by ", world_size,
                                                   " processes: take a multiple of ", world_size));
  }
  const auto r = static_cast<std::size_t>(rank), n = static_cast<std::size_t>(world_size);
  Batch shard;
  shard.step = batch.step;
  shard.images = PartOf(batch.images, r, n);
  shard.texts = PartOf(batch.texts, r, n);
  shard.labels = PartOf(batch.labels, r, n);
  shard.honest = PartOf(batch.honest, r, n);
  shard.overlay_cells = PartOf(batch.overlay_cells, r, n);
  return shard;
}

}  // namespace mannequin
