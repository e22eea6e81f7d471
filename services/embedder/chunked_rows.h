// Rows of `width` numbers each, in chunks that never move: a row's address stays good while
// others are added, and a table that grows copies nothing.
//
//   ChunkedRows<float> vectors(104);
//   std::copy(v.begin(), v.end(), vectors[vectors.Add()]);
//
// Not thread-safe; reading rows beside one another is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

namespace mannequin {

template <typename T>
class ChunkedRows {
 public:
  static constexpr std::size_t kChunkRows = 1'024;

  explicit ChunkedRows(std::size_t width) : width_(width) {}

  // A row of zeros; answers its number.
  std::uint32_t Add() {
    if (size_ % kChunkRows == 0) {
      chunks_.emplace_back(static_cast<T*>(::operator new(ChunkBytes(), kAlignment)));
      std::memset(chunks_.back().get(), 0, ChunkBytes());
    }
    return static_cast<std::uint32_t>(size_++);
  }

  T* operator[](std::size_t row) { return chunks_[row / kChunkRows].get() + row % kChunkRows * width_; }
  const T* operator[](std::size_t row) const { return chunks_[row / kChunkRows].get() + row % kChunkRows * width_; }

  std::size_t size() const { return size_; }
  std::size_t width() const { return width_; }
  std::size_t bytes() const { return chunks_.size() * ChunkBytes(); }

 private:
  static constexpr std::align_val_t kAlignment{64};  // a cache line
  struct Free {
    void operator()(T* chunk) const { ::operator delete(chunk, kAlignment); }
  };
  std::size_t ChunkBytes() const { return kChunkRows * width_ * sizeof(T); }

  std::size_t width_, size_ = 0;
  std::vector<std::unique_ptr<T, Free>> chunks_;
};

}  // namespace mannequin
