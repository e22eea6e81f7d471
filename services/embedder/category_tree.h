// Which products are in a category and below it.
//
//   CategoryTree tree;
//   std::uint32_t shirts = tree.Put({"Apparel", "Topwear", "Shirts"});
//   product.place = tree.Add(shirts, product_number);
//   if (auto apparel = tree.Find({"Apparel"})) tree.VisitBelow(*apparel, visit);
//
// A path costs its names once and some 100 bytes a part; a product in it 4 bytes. Paths stay
// when their last product leaves. Not thread-safe; const calls beside one another are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/types/span.h"

namespace mannequin {

class CategoryTree {
 public:
  CategoryTree();

  // The category with that path, made when there is none yet. An empty path is the root.
  std::uint32_t Put(absl::Span<const std::string> path);
  // Nothing when no product is in it or below it.
  std::optional<std::uint32_t> Find(absl::Span<const std::string> path) const;
  std::vector<std::string> PathOf(std::uint32_t category) const;
  // Whether it is `ancestor` or lies below it.
  bool IsBelow(std::uint32_t category, std::uint32_t ancestor) const;

  // Answers the product's place, by which it is removed. The place of another one may
  // change then: that one is answered, or `product` itself when there is none.
  std::uint32_t Add(std::uint32_t category, std::uint32_t product);
  std::uint32_t Remove(std::uint32_t category, std::uint32_t place);

  void VisitBelow(std::uint32_t category, absl::FunctionRef<void(std::uint32_t product)> visit) const;
  // Products in it and below it.
  std::size_t CountBelow(std::uint32_t category) const { return nodes_[category].below; }

  std::uint32_t size() const { return static_cast<std::uint32_t>(nodes_.size()); }

 private:
  struct Node {
    std::string name;
    std::uint32_t parent = 0, depth = 0;
    absl::flat_hash_map<std::string, std::uint32_t> children;
    std::vector<std::uint32_t> products;
    std::size_t below = 0;
  };
  void Count(std::uint32_t category, int change);

  std::deque<Node> nodes_;  // the root first, a parent before its children
};

}  // namespace mannequin
