#include "services/trainer/diff_augment.h"

#include <algorithm>
#include <vector>

namespace mannequin {
namespace {

constexpr std::int64_t kParts = 8;

std::int64_t Whole(std::int64_t low, std::int64_t high) {  // both included
  return torch::randint(low, high + 1, {1}, at::kLong).item<std::int64_t>();
}

}  // namespace

torch::Tensor DiffAugment(const torch::Tensor& image) {
  const std::int64_t side = image.size(2), shift = side / 8, hole = side / 4;
  std::vector<torch::Tensor> parts;
  for (const torch::Tensor& part : image.chunk(std::min(kParts, image.size(0)))) {
    const std::int64_t dx = Whole(-shift, shift), dy = Whole(-shift, shift);
    torch::Tensor moved = torch::constant_pad_nd(part, {dx, -dx, dy, -dy}, 1);
    const std::int64_t x = Whole(0, side - hole), y = Whole(0, side - hole);
    const torch::Tensor mask = torch::ones({1, 1, side, side}, image.options());
    mask.narrow(2, y, hole).narrow(3, x, hole).zero_();
    parts.push_back(moved * mask);
  }
  return torch::cat(parts).contiguous(torch::MemoryFormat::ChannelsLast);
}

}  // namespace mannequin
