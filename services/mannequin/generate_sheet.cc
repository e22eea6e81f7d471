#include "services/mannequin/generate_sheet.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"
#include "common/image/image.h"
#include "services/mannequin/captioned_sheet.h"

namespace mannequin {
namespace {

struct Variation {
  std::string name;
  std::vector<std::string> values;
};

absl::StatusOr<Variation> ParseVariation(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return absl::InvalidArgumentError(absl::StrCat("--vary: \"", text, "\" is not NAME=VALUE,VALUE"));
  }
  Variation variation{text.substr(0, equals), {}};
  const absl::string_view values = absl::string_view(text).substr(equals + 1);
  for (absl::string_view value : absl::StrSplit(values, absl::StrContains(values, "|") ? '|' : ',')) {
    value = absl::StripAsciiWhitespace(value);
    if (value.empty()) return absl::InvalidArgumentError(absl::StrCat("--vary: \"", text, "\" has an empty value"));
    variation.values.emplace_back(value);
  }
  return variation;
}

void Set(const std::string& name, const std::string& value, ProductOptions& product) {
  if (name == "title") {
    product.title = value;
  } else if (name == "category") {
    product.category = value;
  } else if (name == "brand") {
    product.brand = value;
  } else if (name == "color") {
    product.color = value;
  } else {
    product.attributes.push_back(absl::StrCat(name, "=", value));
  }
}

// Where there is no picture.
Pixels GreyTile() { return {16, 16, std::vector<std::uint8_t>(16 * 16 * 3, 0xd8)}; }

}  // namespace

absl::StatusOr<std::vector<SheetRow>> VariedRows(const ProductOptions& product, const std::vector<std::string>& vary) {
  std::vector<std::pair<ProductOptions, std::string>> varied{{product, ""}};
  for (const std::string& text : vary) {
    ASSIGN_OR_RETURN(const Variation variation, ParseVariation(text));
    std::vector<std::pair<ProductOptions, std::string>> more;
    for (const auto& [options, caption] : varied) {
      for (const std::string& value : variation.values) {
        if (more.size() == kMaxSheetRows) {
          return absl::InvalidArgumentError(
              absl::StrCat("--vary: more than ", kMaxSheetRows, " rows; give fewer values"));
        }
        more.emplace_back(options, absl::StrCat(caption, caption.empty() ? "" : ", ", value));
        Set(variation.name, value, more.back().first);
      }
    }
    varied = std::move(more);
  }
  std::vector<SheetRow> rows;
  for (const auto& [options, caption] : varied) {
    SheetRow& row = rows.emplace_back();
    ASSIGN_OR_RETURN(*row.request.mutable_product(), ProductOf(options));
    row.caption = !caption.empty() ? caption : !options.title.empty() ? options.title : options.category;
  }
  return rows;
}

absl::StatusOr<std::vector<SheetRow>> RowsBetween(const ProductOptions& product, const std::string& from,
                                                  const std::string& to, int steps) {
  ProductOptions begin = product, end = product;
  begin.title = from;
  end.title = to;
  std::vector<SheetRow> rows;
  for (int step = 0; step < steps; ++step) {
    SheetRow& row = rows.emplace_back();
    const double weight = static_cast<double>(step) / (steps - 1);
    ASSIGN_OR_RETURN(*row.request.mutable_product(), ProductOf(begin));
    ASSIGN_OR_RETURN(*row.request.mutable_toward(), ProductOf(end));
    row.request.set_toward_weight(weight);
    row.caption = step == 0 ? from : step == steps - 1 ? to : absl::StrFormat("%.0f %% of the way", 100 * weight);
  }
  return rows;
}

absl::StatusOr<std::string> DrawSheet(const std::vector<SheetRow>& rows, const v1::GenerateImagesRequest& like,
                                      int noises, const DrawCall& draw) {
  std::vector<CaptionedPicture> pictures;
  for (const SheetRow& row : rows) {
    for (int noise = 0; noise < noises; ++noise) {
      v1::GenerateImagesRequest request = row.request;
      request.set_bundle_version(like.bundle_version());
      request.set_seed(like.seed() + static_cast<std::uint64_t>(noise));
      request.set_candidates(1);
      request.set_include_unconfident(true);
      ASSIGN_OR_RETURN(const v1::GenerateImagesResponse drawn, draw(request));
      if (drawn.images().empty()) {
        pictures.push_back({GreyTile(), absl::StrCat(row.caption, ": ", drawn.no_image_reason()), "no picture"});
        continue;
      }
      const v1::GeneratedImage& image = drawn.images(0);
      ASSIGN_OR_RETURN(Pixels pixels, DecodeImage(image.image().data()));
      pictures.push_back(
          {std::move(pixels), row.caption, absl::StrFormat("noise %d  conf. %.2f", image.seed(), image.confidence())});
    }
  }
  return CaptionedSheet(pictures, noises);
}

}  // namespace mannequin
