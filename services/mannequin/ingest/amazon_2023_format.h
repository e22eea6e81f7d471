// Amazon's product metadata of 2023 (McAuley Lab): one JSON object a line.
//
//   {"main_category": "AMAZON FASHION", "title": "YUEDGE 5 Pairs Men's Socks", "average_rating": 4.6,
//    "features": [], "description": [], "price": 14.99, "store": "YUEDGE", "categories": ["Clothing", "Men"],
//    "images": [{"thumb": "...", "large": "...", "variant": "MAIN", "hi_res": "..."}],
//    "details": {"Department": "mens", "Color": "Blue"}, "parent_asin": "B08BHN9PK5"}
//
// Texts are cleaned (catalog_text.h):
//
//   parent_asin               id
//   title                     title
//   details.Brand, or store   brand
//   categories                category_path, its first 16 parts; else main_category
//   description, features     description, a line each, as much as its bound lets in
//   images                    image_url: hi_res, else large, else thumb, of the variant MAIN,
//                             else of the first; a list of dicts or a dict of lists
//   price                     attribute "price" when it is a number or a string that is one
//   details                   attributes of the names in kDetails (amazon_2023_format.cc); a
//                             dict, or a string that holds one as JSON
//
// Other keys are passed over. null counts as absent, and so does a detail that is no string.
// A key that stands twice: the later wins. Reviews of the same collection are refused.
// Source: https://amazon-reviews-2023.github.io/.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "services/mannequin/ingest/json_record.h"
#include "services/mannequin/ingest/record_format.h"

namespace mannequin {

class Amazon2023Format : public RecordFormat {
 public:
  absl::string_view name() const override { return "amazon-2023"; }
  std::unique_ptr<RecordFormat> Clone() const override { return std::make_unique<Amazon2023Format>(); }
  bool Parse(absl::string_view line, v1::Product* product, RecordError* error) override;

 private:
  // One of a product's pictures in its sizes; empty where there is none.
  struct Picture {
    absl::string_view variant, hi_res, large, thumb;
    absl::string_view Best() const { return !hi_res.empty() ? hi_res : !large.empty() ? large : thumb; }
    absl::string_view* Size(absl::string_view name);
  };

  bool ReadField(absl::string_view key, JsonValue& value, v1::Product* product);
  bool ReadLine(absl::string_view field, JsonValue& value, std::string* text);
  bool ReadCategories(JsonValue& value, v1::Product* product);
  bool ReadImages(JsonValue& value, v1::Product* product);
  bool ReadPictureList(JsonValue& value);
  bool ReadPictureDict(JsonValue& value);
  bool ReadDetails(JsonValue& value, v1::Product* product);
  void ReadDetail(JsonRecord& record, absl::string_view key, JsonValue& value, v1::Product* product);

  JsonRecord record_;
  // For details that are a string of JSON.
  JsonRecord details_;
  // Of the line being read.
  std::vector<Picture> pictures_;
  std::string store_;
  std::string main_category_;
  std::string scratch_;
};

}  // namespace mannequin
