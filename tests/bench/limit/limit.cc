#include "tests/bench/limit/limit.h"

#include <chrono>

#include "torch/torch.h"

namespace mannequin {
namespace {

constexpr double kTaps = 16, kProjected = 128;

double Square(double x) { return x * x; }

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
  const torch::Tensor a = torch::randn({kSide, kSide}), b = torch::randn({kSide, kSide});
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
  const double see = SeeProducts(shape), match = MatchProducts(shape), generate = GeneratorProducts(shape);
  const double discriminator_step = 3 * (2 * see + 3 * match);
  const double generator_step = 3 * generate + 2 * (see + match);
  return 2e-9 * (discriminator_step + generator_step);
}

}  // namespace mannequin
