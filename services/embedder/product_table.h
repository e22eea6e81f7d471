// The products of an index: which row of the vector table each has, of which text and in
// which category; and back, the products of a row and of a category.
//
//   ProductTable products;
//   products.Put("B00X", {.row = 7, .text_hash = 42, .category = products.categories().Put(path)});
//   for (std::uint32_t number : products.OfRow(7)) std::cout << products[number].id;
//
// Some 100 bytes a product with an id of up to 15 bytes; longer ones cost their length on
// top. Not thread-safe; const calls beside one another are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "services/embedder/category_tree.h"

namespace mannequin {

class ProductTable {
 public:
  struct Facts {
    std::uint32_t row;
    std::uint64_t text_hash;
    std::uint32_t category;  // of categories()
    friend bool operator==(const Facts&, const Facts&) = default;
  };
  struct Product {
    std::string id;
    Facts facts;
    std::uint32_t place;  // in its category
    std::uint32_t pass;   // when it was seen last
  };

  ProductTable() : by_id_(0, Hash{this}, Equal{this}) {}
  ProductTable(const ProductTable&) = delete;
  ProductTable& operator=(const ProductTable&) = delete;

  // Adds or changes; false when all was so already. Either way it was seen.
  bool Put(absl::string_view id, const Facts& facts);
  // False when there is none.
  bool Remove(absl::string_view id);
  void BeginPass() { ++pass_; }
  // Products that Put has not seen since the last BeginPass.
  std::vector<std::string> Unseen() const;

  std::optional<std::uint32_t> Find(absl::string_view id) const;
  const Product& operator[](std::uint32_t number) const { return products_[number]; }
  // In the order of their ids.
  absl::Span<const std::uint32_t> OfRow(std::uint32_t row) const;
  // Calls `visit` with each, row by row and in the order of their ids: put into another
  // table so, each is the last of its row, which costs least.
  void Visit(absl::FunctionRef<void(const Product&)> visit) const;

  std::size_t size() const { return by_id_.size(); }
  // Rows that have a product.
  std::size_t rows() const { return used_rows_; }
  CategoryTree& categories() { return categories_; }
  const CategoryTree& categories() const { return categories_; }
  // Without the texts of long ids.
  std::size_t bytes() const;

 private:
  struct Hash {
    using is_transparent = void;
    const ProductTable* table;
    std::size_t operator()(std::uint32_t number) const {
      return (*this)(absl::string_view(table->products_[number].id));
    }
    std::size_t operator()(absl::string_view id) const;
  };
  struct Equal {
    using is_transparent = void;
    const ProductTable* table;
    bool operator()(std::uint32_t a, std::uint32_t b) const { return a == b; }
    bool operator()(std::uint32_t a, absl::string_view b) const { return table->products_[a].id == b; }
    bool operator()(absl::string_view a, std::uint32_t b) const { return table->products_[b].id == a; }
  };
  using RowProducts = absl::InlinedVector<std::uint32_t, 4>;

  void Attach(std::uint32_t number);
  void Detach(std::uint32_t number);
  // Where in its row it stands, or would.
  RowProducts::iterator PlaceInRow(RowProducts& products, absl::string_view id);

  std::deque<Product> products_;
  std::vector<std::uint32_t> free_;  // numbers of products that are gone
  absl::flat_hash_set<std::uint32_t, Hash, Equal> by_id_;
  std::deque<RowProducts> of_row_;
  std::size_t used_rows_ = 0;
  std::uint32_t pass_ = 0;
  CategoryTree categories_;
};

}  // namespace mannequin
