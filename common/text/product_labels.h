// What a catalogue says of its products apart from the title, as labels by number: leaf
// category, the category above it, brand, and the attributes that sort products into kinds.
//
//   LabelCounter counter;
//   for (const v1::Product& product : products) counter.Add(product);
//   ProductLabels labels(counter);
//   labels.kinds();              // {"category", 143 labels}, {"brand", 680}, {"color", 40}, ...
//   labels.Of(product);          // {17, 3, -1}: a number a kind, -1 for none
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "mannequin/v1/product.pb.h"

namespace mannequin {

// Counts every value of every kind. A kind of over 200,000 values, e.g. a model number,
// sorts nothing and is forgotten.
class LabelCounter {
 public:
  void Add(const v1::Product& product);

 private:
  friend class ProductLabels;
  struct Values {
    absl::flat_hash_map<std::string, std::int64_t> counts;
    bool too_many = false;
  };
  std::map<std::string, Values> kinds_;
  std::int64_t products_ = 0;
};

// Thread-safe once made.
class ProductLabels {
 public:
  struct Kind {
    std::string name;
    // How much its loss weighs: categories and brands, which searches are for, most.
    float weight = 1;
    std::int32_t size = 0;
  };

  // Labels that two products have; kinds that two labels are left of and that one product in
  // a hundred has; the eight most frequent attributes.
  explicit ProductLabels(const LabelCounter& counter);

  const std::vector<Kind>& kinds() const { return kinds_; }
  std::vector<std::int32_t> Of(const v1::Product& product) const;

 private:
  std::vector<Kind> kinds_;
  std::vector<absl::flat_hash_map<std::string, std::int32_t>> numbers_;
};

}  // namespace mannequin
