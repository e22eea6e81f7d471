#include "common/text/kernels.h"

#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace mannequin {
namespace {

struct Case {
  Case(int rows, int dim, unsigned seed) : x(dim), error(dim), g(rows), storage(rows, std::vector<float>(dim)) {
    std::minstd_rand random(seed);
    const auto draw = [&] { return static_cast<float>(random() % 2001) / 1000 - 1; };
    for (float& v : x) v = draw();
    for (float& v : g) v = draw();
    for (auto& row : storage) {
      for (float& v : row) v = draw();
    }
    for (auto& row : storage) pointers.push_back(row.data());
  }
  std::vector<float> x, error, g;
  std::vector<std::vector<float>> storage;
  std::vector<float*> pointers;
};

void ExpectNear(const std::vector<float>& a, const std::vector<float>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-4) << i;
}

TEST(Kernels, Avx2AgreesWithPlainCode) {
  if (!Kernels::HasAvx2()) GTEST_SKIP() << "this machine has no AVX2";
  for (const int rows : {1, 2, 3, 5, 6, 7, 51}) {
    for (const int dim : {8, 16, 104, 112, 304}) {
      Case plain(rows, dim, 5), fast(rows, dim, 5);
      // A row that stands twice: noise words repeat.
      if (rows > 3) plain.pointers[1] = plain.pointers[0], fast.pointers[1] = fast.pointers[0];
      if (rows > 5) plain.pointers[4] = plain.pointers[2], fast.pointers[4] = fast.pointers[2];
      std::vector<float> dots(rows), fast_dots(rows);
      Kernels::Portable().dot(plain.x.data(), plain.pointers.data(), rows, dim, dots.data());
      Kernels::Avx2().dot(fast.x.data(), fast.pointers.data(), rows, dim, fast_dots.data());
      ExpectNear(dots, fast_dots);
      Kernels::Portable().update(plain.x.data(), plain.pointers.data(), plain.g.data(), rows, dim, plain.error.data());
      Kernels::Avx2().update(fast.x.data(), fast.pointers.data(), fast.g.data(), rows, dim, fast.error.data());
      ExpectNear(plain.error, fast.error);
      for (int i = 0; i < rows; ++i) ExpectNear(plain.storage[i], fast.storage[i]);
      Kernels::Portable().gather(plain.pointers.data(), plain.g.data(), rows, dim, plain.error.data());
      Kernels::Avx2().gather(fast.pointers.data(), fast.g.data(), rows, dim, fast.error.data());
      ExpectNear(plain.error, fast.error);
      Kernels::Portable().add(0.5f, plain.x.data(), dim, plain.error.data());
      Kernels::Avx2().add(0.5f, fast.x.data(), dim, fast.error.data());
      ExpectNear(plain.error, fast.error);
    }
  }
}

std::vector<float> Misses(const Kernels& kernels, std::vector<float> logits, const std::vector<float>& labels) {
  kernels.misses(labels.data(), static_cast<int>(logits.size()), 0.5f, logits.data());
  return logits;
}

TEST(Kernels, MissIsHowFarTheSigmoidIsFromTheLabel) {
  std::vector<float> logits, labels;
  for (float logit = -20; logit <= 20; logit += 0.37f) logits.push_back(logit), labels.push_back(logits.size() % 2);
  logits.insert(logits.end(), {-1e9f, 1e9f});
  labels.insert(labels.end(), {1, 1});
  const std::vector<float> plain = Misses(Kernels::Portable(), logits, labels);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    EXPECT_NEAR(plain[i], 0.5 * (labels[i] - 1 / (1 + std::exp(-static_cast<double>(logits[i])))), 1e-6) << logits[i];
  }
}

TEST(Kernels, Avx2MissesAgreeWithPlainCode) {
  if (!Kernels::HasAvx2()) GTEST_SKIP() << "this machine has no AVX2";
  for (std::size_t n = 0; n <= 33; ++n) {
    std::vector<float> logits(n), labels(n);
    for (std::size_t i = 0; i < n; ++i) logits[i] = static_cast<float>(i) * 1.3f - 20, labels[i] = i % 3 == 0;
    const std::vector<float> plain = Misses(Kernels::Portable(), logits, labels);
    const std::vector<float> fast = Misses(Kernels::Avx2(), logits, labels);
    for (std::size_t i = 0; i < n; ++i) EXPECT_NEAR(plain[i], fast[i], 1e-6) << logits[i];
  }
}

}  // namespace
}  // namespace mannequin
