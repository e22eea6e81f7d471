#include "common/text/kernels.h"

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
    for (const int dim : {8, 16, 104, 304}) {
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

}  // namespace
}  // namespace mannequin
