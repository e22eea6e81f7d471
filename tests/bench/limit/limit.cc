#include "tests/bench/limit/limit.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/nn/torch_device.h"
#include "torch/torch.h"

namespace mannequin {
namespace {

constexpr double kTaps = 16, kProjected = 128;

double Square(double x) { return x * x; }

// Preset "mannequin": products of the two 3x3 convolutions of each block, of what narrows
// or widens between them and of pictures, [generator, discriminator]; 97 % of the whole.
std::pair<double, double> ResidualProducts(const GanShape& shape) {
  double generator = 0, discriminator = 0;
  for (int side = 4; side <= shape.resolution / 2; side *= 2) {
    const double places = Square(side), maps = shape.features * std::min(8, shape.resolution / 2 / side);
    const double above =
        side * 2 <= shape.resolution / 2 ? shape.features * std::min(8, shape.resolution / 4 / side) : 0.0;
    const double picture = side >= 16 ? places * 9 * maps * 12 : 0;
    generator += places * (18 * maps * maps + maps * above) + picture;
    discriminator += places * (18 * maps * maps + 4 * maps * above) + picture;
  }
  return {generator, discriminator};
}

// Products of D's stride-2 convolutions.
double SeeProducts(const GanShape& shape) {
  double products = 0, in = 3, side = shape.resolution / 2.0, maps = shape.features;
  for (int i = 0; i < 4; ++i, in = maps / 2, side /= 2) {
    products += Square(side) * kTaps * in * maps;
    maps *= 2;
  }
  return products;
}

double MatchProducts(const GanShape& shape) {
  const double maps = 8.0 * shape.features, places = Square(shape.resolution / 16.0);
  return places * (maps + kProjected) * maps + places * maps * (1 + shape.categories) + shape.text * kProjected;
}

double GeneratorProducts(const GanShape& shape) {
  double maps = 16.0 * shape.features;
  double products = shape.text * kProjected + (shape.noise + kProjected) * maps * 16;
  double side = 4;
  for (; side * 2 < shape.resolution; side *= 2, maps /= 2) products += Square(side) * kTaps * maps * maps / 2;
  return products + Square(side) * kTaps * maps * 3;
}

}  // namespace

double MatrixGflops() {
  constexpr int kSide = 2048, kTimes = 5;
  torch::NoGradGuard no_grad;
  const auto type = FastBf16(c10::kCPU) ? at::kBFloat16 : at::kFloat;
  const torch::Tensor a = torch::randn({kSide, kSide}).to(type), b = torch::randn({kSide, kSide}).to(type);
  torch::mm(a, b);
  double best = 0;
  for (int i = 0; i < kTimes; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    torch::mm(a, b);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    best = std::max(best, 2e-9 * kSide * kSide * kSide / took.count());
  }
  return best;
}

double DiscriminatorGflop(const GanShape& shape) { return 2e-9 * (SeeProducts(shape) + MatchProducts(shape)); }

double TrainingGflop(const GanShape& shape) {
  if (shape.preset == "mannequin") {
    const auto [generate, see] = ResidualProducts(shape);
    // R1 and R2 on half an image each four: forward, backward, and both of their backwards.
    return 2e-9 * (3 * generate + 3 * 2 * see + 2 * see + 0.5 * (1 + 1 + 4) * see);
  }
  const double see = SeeProducts(shape), match = MatchProducts(shape), generate = GeneratorProducts(shape);
  const double discriminator_step = 3 * (2 * see + 3 * match);
  const double generator_step = 3 * generate + 2 * (see + match);
  return 2e-9 * (discriminator_step + generator_step);
}

}  // namespace mannequin
