// Vectors as points of the plane, so that what is near stays near: UMAP (McInnes, Healy and
// Melville 2018, arXiv:1802.03426). Each vector is tied to its 15 nearest; the points begin
// at their two principal components, then tied ones attract and random ones repel each other.
//
//   VectorTable vectors(100);
//   std::vector<Point> points = NeighbourLayout(vectors, /*seed=*/1);
#pragma once

#include <cstdint>
#include <vector>

#include "services/embedder/vector_table.h"

namespace mannequin {

struct Point {
  float x = 0, y = 0;
};

// A point a row of `vectors`, which are of unit length. The same vectors and seed give the
// same points. Memory: some 600 bytes a vector. Time grows with their number, that of the
// search for neighbours with its square.
std::vector<Point> NeighbourLayout(const VectorTable& vectors, std::uint64_t seed);

}  // namespace mannequin
