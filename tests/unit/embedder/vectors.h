// Vectors and embeddings for tests of the index.
#pragma once

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "mannequin/v1/product.pb.h"

namespace mannequin {

inline std::vector<float> UnitVector(std::mt19937& random, int dimension) {
  std::normal_distribution<float> normal;
  std::vector<float> v(static_cast<std::size_t>(dimension));
  double norm = 0;
  for (float& x : v) {
    x = normal(random);
    norm += x * x;
  }
  for (float& x : v) x = static_cast<float>(x / std::sqrt(norm));
  return v;
}

// Vectors around `clusters` centres, as products lie around their categories.
inline std::vector<std::vector<float>> ClusteredVectors(std::mt19937& random, int dimension, int count, int clusters) {
  std::vector<std::vector<float>> centres, vectors;
  for (int c = 0; c < clusters; ++c) centres.push_back(UnitVector(random, dimension));
  for (int i = 0; i < count; ++i) {
    const std::vector<float>& centre = centres[random() % centres.size()];
    std::vector<float> v = UnitVector(random, dimension);
    double norm = 0;
    for (std::size_t j = 0; j < v.size(); ++j) {
      v[j] = 0.6f * v[j] + centre[j];
      norm += v[j] * v[j];
    }
    for (float& x : v) x = static_cast<float>(x / std::sqrt(norm));
    vectors.push_back(std::move(v));
  }
  return vectors;
}

inline v1::Embedding MakeEmbedding(const std::string& id, const std::vector<float>& values,
                                   const std::vector<std::string>& category_path = {}, std::uint64_t text_hash = 0) {
  v1::Embedding embedding;
  embedding.set_product_id(id);
  embedding.mutable_values()->Add(values.begin(), values.end());
  embedding.set_bundle_version("b");
  embedding.set_text_hash(text_hash);
  for (const std::string& part : category_path) embedding.add_category_path(part);
  return embedding;
}

}  // namespace mannequin
