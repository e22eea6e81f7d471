#include "services/trainer/batch_shard.h"

#include "absl/strings/str_cat.h"
#include "common/base/check_range.h"
#include "common/base/status_macros.h"

namespace mannequin {
namespace {

// Every `world_size`-th of `images` rows from `rank` on.
template <typename T>
std::vector<T> PartOf(const std::vector<T>& rows, std::size_t images, std::size_t rank, std::size_t world_size) {
  const auto row = static_cast<std::ptrdiff_t>(rows.size() / images);
  std::vector<T> part;
  part.reserve(rows.size() / world_size);
  for (std::size_t i = rank; i < images; i += world_size) {
    const auto begin = rows.begin() + row * static_cast<std::ptrdiff_t>(i);
    part.insert(part.end(), begin, begin + row);
  }
  return part;
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
  if (batch.clean < world_size) {
    return absl::InvalidArgumentError(absl::StrCat("a batch with ", batch.clean, " clean images cannot be shared by ",
                                                   world_size, " processes: take a larger one"));
  }
  const auto part = [&](const auto& rows) {
    return PartOf(rows, batch.labels.size(), static_cast<std::size_t>(rank), static_cast<std::size_t>(world_size));
  };
  Batch shard;
  shard.step = batch.step;
  shard.side = batch.side;
  shard.grown = batch.grown;
  shard.clean = (batch.clean - rank + world_size - 1) / world_size;
  shard.images = part(batch.images);
  shard.texts = part(batch.texts);
  shard.labels = part(batch.labels);
  shard.honest = part(batch.honest);
  shard.overlay_cells = part(batch.overlay_cells);
  return shard;
}

}  // namespace mannequin
