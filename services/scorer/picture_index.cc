#include "services/scorer/picture_index.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/escaping.h"
#include "common/base/sha256.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace mannequin {
namespace {

// The first 8 bytes of the id's SHA-256: the same on every machine.
std::uint64_t HashOf(absl::string_view product_id) {
  const std::string bytes = absl::HexStringToBytes(Sha256Hex(product_id).substr(0, 16));
  std::uint64_t hash = 0;
  for (const char byte : bytes) hash = hash << 8 | static_cast<unsigned char>(byte);
  return hash;
}

// Widened once for a query: products of 16-bit numbers are what processors sum in pairs.
std::vector<std::int16_t> Widen(absl::string_view vector) {
  std::vector<std::int16_t> wide;
  wide.reserve(vector.size());
  for (const char byte : vector) wide.push_back(static_cast<std::int8_t>(byte));
  return wide;
}

double NormOf(absl::string_view vector) {
  std::int64_t squares = 0;
  for (const std::int16_t component : Widen(vector)) squares += component * component;
  return std::sqrt(static_cast<double>(squares));
}

// dots[r] = query . rows[r], [count, dimension].
using DotRows = void (*)(const std::int16_t* query, const std::int8_t* rows, std::size_t count, std::size_t dimension,
                         std::int32_t* dots);

void DotPortable(const std::int16_t* query, const std::int8_t* rows, std::size_t count, std::size_t dimension,
                 std::int32_t* dots) {
  for (std::size_t r = 0; r < count; ++r, rows += dimension) {
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < dimension; ++i) sum += query[i] * rows[i];
    dots[r] = sum;
  }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) void DotAvx2(const std::int16_t* query, const std::int8_t* rows, std::size_t count,
                                             std::size_t dimension, std::int32_t* dots) {
  for (std::size_t r = 0; r < count; ++r, rows += dimension) {
    __m256i sums = _mm256_setzero_si256();
    std::size_t i = 0;
    for (; i + 16 <= dimension; i += 16) {
      const __m128i narrow = _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows + i));
      const __m256i asked = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(query + i));
      sums = _mm256_add_epi32(sums, _mm256_madd_epi16(asked, _mm256_cvtepi8_epi16(narrow)));
    }
    alignas(32) std::int32_t parts[8];
    _mm256_store_si256(reinterpret_cast<__m256i*>(parts), sums);
    std::int32_t sum = 0;
    for (const std::int32_t part : parts) sum += part;
    for (; i < dimension; ++i) sum += query[i] * rows[i];
    dots[r] = sum;
  }
}
#endif

DotRows BestDotRows() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return DotAvx2;
#endif
  return DotPortable;
}

}  // namespace

PictureIndex::PictureIndex(std::string bundle_version, std::size_t max_products)
    : bundle_version_(std::move(bundle_version)), max_products_(max_products) {}

void PictureIndex::Put(std::size_t row, const std::string& product_id, absl::string_view vector, double norm) {
  ids_[row] = product_id;
  inverse_norms_[row] = static_cast<float>(1 / norm);
  std::transform(vector.begin(), vector.end(), vectors_.begin() + static_cast<std::ptrdiff_t>(row * dimension_),
                 [](char byte) { return static_cast<std::int8_t>(byte); });
}

bool PictureIndex::Add(const std::string& product_id, absl::string_view vector) {
  const double norm = NormOf(vector);
  if (norm == 0) return false;
  if (dimension_ == 0) dimension_ = vector.size();
  if (vector.size() != dimension_) return false;
  const std::uint64_t hash = HashOf(product_id);
  if (ids_.size() < max_products_) {
    const std::size_t row = ids_.size();
    ids_.emplace_back();
    inverse_norms_.emplace_back();
    vectors_.resize(vectors_.size() + dimension_);
    Put(row, product_id, vector, norm);
    hashes_.emplace_back(hash, static_cast<std::uint32_t>(row));
    std::push_heap(hashes_.begin(), hashes_.end());
  } else if (!hashes_.empty() && hash < hashes_.front().first) {
    std::pop_heap(hashes_.begin(), hashes_.end());
    Put(hashes_.back().second, product_id, vector, norm);
    hashes_.back().first = hash;
    std::push_heap(hashes_.begin(), hashes_.end());
  }
  return true;
}

std::vector<PictureNeighbour> PictureIndex::Search(absl::string_view vector, std::size_t count,
                                                   absl::string_view except) const {
  const double norm = NormOf(vector);
  if (norm == 0 || vector.size() != dimension_) return {};
  static const DotRows dot_rows = BestDotRows();
  const std::vector<std::int16_t> query = Widen(vector);
  // Rows at a time: their sums stay in the cache.
  constexpr std::size_t kRows = 1024;
  std::vector<std::int32_t> dots(kRows);
  std::vector<std::pair<float, std::size_t>> best;  // a heap, the farthest in front; of equals the lower row is nearer
  const auto nearer = [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  };
  for (std::size_t begin = 0; begin < ids_.size() && count > 0; begin += kRows) {
    const std::size_t rows = std::min(kRows, ids_.size() - begin);
    dot_rows(query.data(), vectors_.data() + begin * dimension_, rows, dimension_, dots.data());
    for (std::size_t r = 0; r < rows; ++r) {
      const std::pair<float, std::size_t> offered{static_cast<float>(dots[r]) * inverse_norms_[begin + r], begin + r};
      if (best.size() == count && !nearer(offered, best.front())) continue;
      if (absl::string_view(ids_[begin + r]) == except) continue;
      if (best.size() == count) {
        std::pop_heap(best.begin(), best.end(), nearer);
        best.pop_back();
      }
      best.push_back(offered);
      std::push_heap(best.begin(), best.end(), nearer);
    }
  }
  std::sort_heap(best.begin(), best.end(), nearer);
  std::vector<PictureNeighbour> found;
  for (const auto& [scaled, row] : best) found.push_back({ids_[row], std::clamp(scaled / norm, -1.0, 1.0)});
  return found;
}

}  // namespace mannequin
