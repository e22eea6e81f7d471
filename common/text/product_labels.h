// What a catalogue says of its products apart from the title, as labels by number: leaf
// category, the category above it, brand, and the attributes that sort products into kinds.
//
//   LabelCounter counter;
//   for (const v1::Product& product : products) counter.Add(product);
//   ProductLabels labels(counter);
//   labels.kinds();              // {"category", 143 labels}, {"brand", 680}, {"color", 40}, ...
//   labels.Of(product);          // {17, 3, -1}: a number a kind, -1 for none
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "common/text/bounded_counter.h"
#include "mannequin/v1/product.pb.h"

namespace mannequin {

// What a catalogue's free text may not grow over.
struct LabelBounds {
  std::size_t attributes = 256;      // names of attributes; the rarest are forgotten
  std::size_t values = 20'000;       // of an attribute; the rarest are forgotten, e.g. model numbers
  std::size_t categories = 400'000;  // the same of categories, categories above and brands
  std::size_t labels = 200'000;      // of a kind; the most frequent
  std::size_t bytes = 256;           // of a name or value; a longer one is no label
};

// Counts the values of every kind. Memory is some 100 bytes a usual value, under 1 GB by the
// default bounds.
class LabelCounter {
 public:
  explicit LabelCounter(const LabelBounds& bounds = {}) : bounds_(bounds) {}
  void Add(const v1::Product& product);

 private:
  friend class ProductLabels;
  struct Values {
    explicit Values(std::size_t limit) : counter(limit) {}
    BoundedCounter counter;
    std::int64_t seen = 0;
  };
  void Count(const std::string& kind, absl::string_view value);
  void ForgetAttributes();

  LabelBounds bounds_;
  std::map<std::string, Values> kinds_;
  std::size_t attributes_ = 0;  // of kinds_
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
