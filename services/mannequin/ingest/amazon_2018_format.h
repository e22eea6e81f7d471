// Amazon's product metadata of 2018 (Ni, Li, McAuley): one JSON object a line.
//
//   {"category": ["Clothing, Shoes & Jewelry", "Women", "Dresses"], "description": ["..."],
//    "title": "Girls Ballet Tutu", "brand": "Coxlures", "feature": ["100% Cotton"], "price": "$5.99",
//    "also_buy": [...], "rank": "19,963,069 in Clothing", "main_cat": "...", "asin": "B00X",
//    "imageURL": ["https://..._SS40_.jpg"], "imageURLHighRes": ["https://....jpg"]}
//
// The dump was scraped, so texts are cleaned (catalog_text.h) and what a page's code stands
// in is left out:
//
//   asin                      id
//   title                     title; none when it is the page's script ("getTime()")
//   brand                     brand, without "Visit Amazon's ... Page" around it
//   category                  category_path up to the first part that is markup or too long
//                             (the page's bullet points follow it); else main_cat
//   description, feature      description, a line each, as much as its bound lets in
//   imageURLHighRes           image_url: the first; else of imageURL, else of image
//   price                     attribute "price", when it is one: "$5.99 - $20" is "5.99 - 20"
//
// Other keys are passed over. null counts as absent, a string alone as a list of one. A key
// that stands twice: the later wins. Reviews of the same collection are refused.
// Source: https://nijianmo.github.io/amazon/.
#pragma once

#include <memory>
#include <string>

#include "services/mannequin/ingest/json_record.h"
#include "services/mannequin/ingest/record_format.h"

namespace mannequin {

class Amazon2018Format : public RecordFormat {
 public:
  absl::string_view name() const override { return "amazon-2018"; }
  std::unique_ptr<RecordFormat> Clone() const override { return std::make_unique<Amazon2018Format>(); }
  bool Parse(absl::string_view line, v1::Product* product, RecordError* error) override;

 private:
  // Best first.
  enum ImageKind { kHighRes, kNormal, kOld, kImageKinds };

  bool ReadField(absl::string_view key, JsonValue& value, v1::Product* product);
  bool ReadTitle(JsonValue& value, v1::Product* product);
  bool ReadBrand(JsonValue& value, v1::Product* product);
  bool ReadCategory(absl::string_view field, JsonValue& value, v1::Product* product);
  bool ReadImages(absl::string_view field, JsonValue& value, ImageKind kind);
  void SetImage(v1::Product* product) const;
  void UseMainCategory(v1::Product* product) const;

  JsonRecord record_;
  // Of the line being read, and views into it.
  absl::string_view images_[kImageKinds];
  absl::string_view main_category_;
};

}  // namespace mannequin
