#include "common/nn/binomial_blur.h"

#include <cstdint>
#include <vector>

#include "ATen/Parallel.h"

namespace mannequin {
namespace {

// What pixel i of n takes from the one before it and the one after it; from itself always one half.
struct Weights {
  float before, after;
};

Weights ForwardWeights(std::int64_t i, std::int64_t n) {
  return {i == 0 ? 0 : i == n - 1 ? 0.5f : 0.25f, i == n - 1 ? 0 : i == 0 ? 0.5f : 0.25f};
}

// The transposed filter: pixel i gives to its neighbours what they take from it.
Weights BackwardWeights(std::int64_t i, std::int64_t n) {
  return {i == 0 ? 0 : ForwardWeights(i - 1, n).after, i == n - 1 ? 0 : ForwardWeights(i + 1, n).before};
}

using WeightsAt = Weights (*)(std::int64_t i, std::int64_t n);

// A plane of `height` rows of `width` pixels of `step` values each.
template <typename T>
void BlurPlane(const T* in, T* out, std::int64_t height, std::int64_t width, std::int64_t step, WeightsAt weights_at,
               std::vector<float>& row) {
  const std::int64_t values = width * step;
  row.resize(static_cast<std::size_t>(values));
  constexpr Weights kInner = {0.25f, 0.25f};
  const auto mix = [&](std::int64_t i, Weights weights) {
    const float before = i >= step ? row[static_cast<std::size_t>(i - step)] : 0;
    const float after = i + step < values ? row[static_cast<std::size_t>(i + step)] : 0;
    return weights.before * before + 0.5f * row[static_cast<std::size_t>(i)] + weights.after * after;
  };
  for (std::int64_t y = 0; y < height; ++y) {
    const Weights down = weights_at(y, height);
    const T* here = in + y * values;
    const T* above = y > 0 ? here - values : here;
    const T* below = y < height - 1 ? here + values : here;
    float* mixed = row.data();
    for (std::int64_t i = 0; i < values; ++i) {
      mixed[i] = down.before * static_cast<float>(above[i]) + 0.5f * static_cast<float>(here[i]) +
                 down.after * static_cast<float>(below[i]);
    }
    T* to = out + y * values;
    // The two pixels at either end may have weights of their own.
    const std::int64_t edge = width < 4 ? width : 2;
    for (std::int64_t x = 0; x < edge; ++x) {
      for (std::int64_t i = x * step; i < (x + 1) * step; ++i) to[i] = static_cast<T>(mix(i, weights_at(x, width)));
    }
    for (std::int64_t i = 2 * step; i < values - 2 * step; ++i) {
      to[i] = static_cast<T>(kInner.before * mixed[i - step] + 0.5f * mixed[i] + kInner.after * mixed[i + step]);
    }
    for (std::int64_t x = width < 4 ? width : width - 2; x < width; ++x) {
      for (std::int64_t i = x * step; i < (x + 1) * step; ++i) to[i] = static_cast<T>(mix(i, weights_at(x, width)));
    }
  }
}

torch::Tensor Blurred(const torch::Tensor& given, WeightsAt weights_at) {
  const bool interleaved = given.is_contiguous(torch::MemoryFormat::ChannelsLast);
  const torch::MemoryFormat layout = interleaved ? torch::MemoryFormat::ChannelsLast : torch::MemoryFormat::Contiguous;
  const torch::Tensor picture = given.contiguous(layout);
  torch::Tensor result = torch::empty_like(picture, layout);
  const std::int64_t height = picture.size(2), width = picture.size(3);
  const std::int64_t step = interleaved ? picture.size(1) : 1, planes = picture.size(0) * picture.size(1) / step;
  AT_DISPATCH_FLOATING_TYPES_AND(at::kBFloat16, picture.scalar_type(), "BinomialBlur", [&] {
    const scalar_t* in = picture.data_ptr<scalar_t>();
    scalar_t* out = result.data_ptr<scalar_t>();
    const std::int64_t size = height * width * step;
    at::parallel_for(0, planes, 1, [&](std::int64_t begin, std::int64_t end) {
      std::vector<float> row;
      for (std::int64_t plane = begin; plane < end; ++plane) {
        BlurPlane(in + plane * size, out + plane * size, height, width, step, weights_at, row);
      }
    });
  });
  return result;
}

struct Blur : torch::autograd::Function<Blur> {
  static torch::Tensor forward(torch::autograd::AutogradContext*, const torch::Tensor& picture) {
    return Blurred(picture, ForwardWeights);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext*,
                                                 const torch::autograd::variable_list& gradients) {
    return {Blurred(gradients[0], BackwardWeights)};
  }
};

}  // namespace

torch::Tensor BinomialBlur(const torch::Tensor& picture) {
  if (!picture.is_cpu()) {
    return torch::avg_pool2d(torch::avg_pool2d(picture, 2, 1), 2, 1, /*padding=*/1, /*ceil_mode=*/false,
                             /*count_include_pad=*/false);
  }
  return Blur::apply(picture);
}

}  // namespace mannequin
