#include "services/embedder/category_tree.h"

#include <algorithm>

namespace mannequin {

CategoryTree::CategoryTree() : nodes_(1) {}

std::uint32_t CategoryTree::Put(absl::Span<const std::string> path) {
  std::uint32_t at = 0;
  for (const std::string& part : path) {
    const auto [child, made] = nodes_[at].children.try_emplace(part, size());
    const std::uint32_t next = child->second;
    if (made) {
      Node& node = nodes_.emplace_back();
      node.name = part;
      node.parent = at;
      node.depth = nodes_[at].depth + 1;
    }
    at = next;
  }
  return at;
}

std::optional<std::uint32_t> CategoryTree::Find(absl::Span<const std::string> path) const {
  std::uint32_t at = 0;
  for (const std::string& part : path) {
    const auto child = nodes_[at].children.find(part);
    if (child == nodes_[at].children.end()) return std::nullopt;
    at = child->second;
  }
  return nodes_[at].below > 0 ? std::optional(at) : std::nullopt;
}

std::vector<std::string> CategoryTree::PathOf(std::uint32_t category) const {
  std::vector<std::string> path;
  for (; category != 0; category = nodes_[category].parent) path.push_back(nodes_[category].name);
  std::reverse(path.begin(), path.end());
  return path;
}

bool CategoryTree::IsBelow(std::uint32_t category, std::uint32_t ancestor) const {
  while (nodes_[category].depth > nodes_[ancestor].depth) category = nodes_[category].parent;
  return category == ancestor;
}

void CategoryTree::Count(std::uint32_t category, int change) {
  for (;; category = nodes_[category].parent) {
    nodes_[category].below += static_cast<std::size_t>(change);
    if (category == 0) return;
  }
}

std::uint32_t CategoryTree::Add(std::uint32_t category, std::uint32_t product) {
  std::vector<std::uint32_t>& products = nodes_[category].products;
  products.push_back(product);
  Count(category, 1);
  return static_cast<std::uint32_t>(products.size()) - 1;
}

std::uint32_t CategoryTree::Remove(std::uint32_t category, std::uint32_t place) {
  std::vector<std::uint32_t>& products = nodes_[category].products;
  products[place] = products.back();
  const std::uint32_t moved = products[place];
  products.pop_back();
  Count(category, -1);
  return moved;
}

void CategoryTree::VisitBelow(std::uint32_t category, absl::FunctionRef<void(std::uint32_t)> visit) const {
  std::vector<std::uint32_t> open = {category};
  while (!open.empty()) {
    const Node& node = nodes_[open.back()];
    open.pop_back();
    for (const std::uint32_t product : node.products) visit(product);
    for (const auto& [name, child] : node.children) {
      if (nodes_[child].below > 0) open.push_back(child);
    }
  }
}

}  // namespace mannequin
