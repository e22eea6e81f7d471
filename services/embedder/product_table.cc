#include "services/embedder/product_table.h"

#include <algorithm>

#include "absl/hash/hash.h"

namespace mannequin {

std::size_t ProductTable::Hash::operator()(absl::string_view id) const { return absl::Hash<absl::string_view>()(id); }

bool ProductTable::Put(absl::string_view id, const Facts& facts) {
  if (const auto found = by_id_.find(id); found != by_id_.end()) {
    const std::uint32_t number = *found;
    products_[number].pass = pass_;
    if (products_[number].facts == facts) return false;
    Detach(number);
    products_[number].facts = facts;
    Attach(number);
    return true;
  }
  std::uint32_t number = static_cast<std::uint32_t>(products_.size());
  if (free_.empty()) {
    products_.emplace_back();
  } else {
    number = free_.back();
    free_.pop_back();
  }
  products_[number] = {std::string(id), facts, 0, pass_};
  by_id_.insert(number);
  Attach(number);
  return true;
}

bool ProductTable::Remove(absl::string_view id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return false;
  const std::uint32_t number = *found;
  Detach(number);
  by_id_.erase(found);
  products_[number].id = std::string();
  free_.push_back(number);
  return true;
}

std::vector<std::string> ProductTable::Unseen() const {
  std::vector<std::string> unseen;
  Visit([&](const Product& product) {
    if (product.pass != pass_) unseen.push_back(product.id);
  });
  return unseen;
}

std::optional<std::uint32_t> ProductTable::Find(absl::string_view id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? std::nullopt : std::optional(*found);
}

absl::Span<const std::uint32_t> ProductTable::OfRow(std::uint32_t row) const {
  if (row >= of_row_.size()) return {};
  return of_row_[row];
}

void ProductTable::Visit(absl::FunctionRef<void(const Product&)> visit) const {
  for (const RowProducts& row : of_row_) {
    for (const std::uint32_t number : row) visit(products_[number]);
  }
}

ProductTable::RowProducts::iterator ProductTable::PlaceInRow(RowProducts& products, absl::string_view id) {
  return std::lower_bound(products.begin(), products.end(), id,
                          [this](std::uint32_t a, absl::string_view b) { return products_[a].id < b; });
}

void ProductTable::Attach(std::uint32_t number) {
  Product& product = products_[number];
  if (product.facts.row >= of_row_.size()) of_row_.resize(product.facts.row + 1);
  RowProducts& row = of_row_[product.facts.row];
  used_rows_ += row.empty();
  row.insert(PlaceInRow(row, product.id), number);
  product.place = categories_.Add(product.facts.category, number);
}

void ProductTable::Detach(std::uint32_t number) {
  const Product& product = products_[number];
  RowProducts& row = of_row_[product.facts.row];
  row.erase(PlaceInRow(row, product.id));
  used_rows_ -= row.empty();
  const std::uint32_t moved = categories_.Remove(product.facts.category, product.place);
  products_[moved].place = product.place;
}

std::size_t ProductTable::bytes() const {
  return products_.size() * sizeof(Product) + of_row_.size() * sizeof(RowProducts) +
         by_id_.capacity() * (sizeof(std::uint32_t) + 1) + size() * sizeof(std::uint32_t);
}

}  // namespace mannequin
