// SNAP's Amazon product metadata of 2014: one Python dict a line.
//
//   {'asin': '0000031852', 'title': 'Girls Ballet Tutu', 'price': 3.17, 'imUrl': 'http://...',
//    'related': {...}, 'salesRank': {'Toys & Games': 211836}, 'brand': 'Coxlures',
//    'categories': [['Sports & Outdoors', 'Other Sports', 'Dance']]}
//
// asin becomes the id; title, brand, description and imUrl keep their raw text (HTML
// entities too); of categories the first path is taken, without empty parts; price, a
// number, becomes the attribute "price" as written; `attributes`, a dict of strings that our
// own sample adds, is kept. None counts as absent. Other keys are
// checked as literals and dropped. A key that stands twice: the later wins, as in Python.
// Source: https://snap.stanford.edu/data/amazon/productGraph/.
#pragma once

#include <memory>

#include "services/mannequin/ingest/python_literal.h"
#include "services/mannequin/ingest/record_format.h"

namespace mannequin {

class SnapFormat : public RecordFormat {
 public:
  absl::string_view name() const override { return "snap"; }
  std::unique_ptr<RecordFormat> Clone() const override { return std::make_unique<SnapFormat>(); }
  bool Parse(absl::string_view line, v1::Product* product, RecordError* error) override;

 private:
  bool ParseRecord(v1::Product* product);
  bool ParseField(absl::string_view key, v1::Product* product);
  bool ReadText(absl::string_view field, absl::string_view* text);
  bool ReadCategories(v1::Product* product);
  bool ReadPath(char close, v1::Product* product);
  bool ReadAttributes(v1::Product* product);
  bool ReadPrice(v1::Product* product);

  LiteralCursor cursor_;
};

}  // namespace mannequin
