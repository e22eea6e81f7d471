// The peer of knn_index in the same language: hnswlib (libhnswlib-dev) as its users call it,
// one thread a core, an element a product.
//
//   bench_hnswlib vectors.f32 100 16 128 64      # dimension, M, ef_construction, ef
//   {"searches_per_second": 40000, "build_seconds": 3.1, "bytes_a_product": 700, "recall": 0.99}
#include <hnswlib/hnswlib.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "common/base/parallel.h"

namespace {

constexpr std::size_t kCount = 10;

double Seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: bench_hnswlib VECTORS DIMENSION M EF_CONSTRUCTION EF\n");
    return 2;
  }
  std::ifstream file(argv[1], std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const std::size_t dimension = std::strtoul(argv[2], nullptr, 10);
  const auto* values = reinterpret_cast<const float*>(bytes.data());
  const std::size_t products = bytes.size() / sizeof(float) / dimension;
  const auto vector = [&](std::size_t i) { return values + i * dimension; };

  hnswlib::InnerProductSpace space(dimension);
  hnswlib::HierarchicalNSW<float> index(&space, products, std::strtoul(argv[3], nullptr, 10),
                                        std::strtoul(argv[4], nullptr, 10));
  const double begin = Seconds();
  index.addPoint(vector(0), 0);
  mannequin::ParallelFor(products - 1, 1, [&](std::size_t i, std::size_t) { index.addPoint(vector(i + 1), i + 1); });
  const double build = Seconds() - begin;

  index.ef_ = std::strtoul(argv[5], nullptr, 10);
  const std::size_t queries = (products + 9) / 10;
  double best = 0;
  for (int round = 0; round < 5; ++round) {
    const double start = Seconds();
    mannequin::ParallelFor(queries, 1, [&](std::size_t q, std::size_t) { index.searchKnn(vector(q * 10), kCount); });
    best = std::max(best, static_cast<double>(queries) / (Seconds() - start));
  }

  // Against all, by distance: equal ones count as right.
  std::atomic<std::size_t> right{0};
  mannequin::ParallelFor(queries, 1, [&](std::size_t q, std::size_t) {
    std::vector<float> all(products);
    for (std::size_t i = 0; i < products; ++i) {
      all[i] = space.get_dist_func()(vector(q * 10), vector(i), space.get_dist_func_param());
    }
    std::nth_element(all.begin(), all.begin() + kCount - 1, all.end());
    auto found = index.searchKnn(vector(q * 10), kCount);
    for (; !found.empty(); found.pop()) right += found.top().first <= all[kCount - 1] + 1e-6f;
  });
  std::printf("{\"searches_per_second\": %.0f, \"build_seconds\": %.2f, \"bytes_a_product\": %zu, \"recall\": %.4f}\n",
              best, build, index.size_data_per_element_ + sizeof(std::mutex) + sizeof(void*) + sizeof(int),
              static_cast<double>(right) / static_cast<double>(queries * kCount));
}
