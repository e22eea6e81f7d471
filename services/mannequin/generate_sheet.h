// What a model makes of other words and of other noise, as a table of pictures: a row for
// the words, a column for the noise. The noise of a column is the same in every row.
//
//   ASSIGN_OR_RETURN(std::vector<SheetRow> rows, VariedRows(product, {"color=red,blue,black"}));
//   ASSIGN_OR_RETURN(std::string png, DrawSheet(rows, {}, 4, draw));
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mannequin/v1/image_generator.pb.h"
#include "services/mannequin/command_line.h"

namespace mannequin {

struct SheetRow {
  v1::GenerateImagesRequest request;  // its words
  std::string caption;
};

constexpr int kMaxSheetRows = 64;

// A row for each combination of the values; one row without any. "NAME=A,B,C" or, where a
// value has a comma, "NAME=A|B|C"; NAME is title, category, brand, color or any other
// attribute's. INVALID_ARGUMENT naming the option: no name, no value, over kMaxSheetRows.
absl::StatusOr<std::vector<SheetRow>> VariedRows(const ProductOptions& product, const std::vector<std::string>& vary);

// `steps` rows (2 or more) from the title `from` to the title `to`, all else as `product` says.
absl::StatusOr<std::vector<SheetRow>> RowsBetween(const ProductOptions& product, const std::string& from,
                                                  const std::string& to, int steps);

using DrawCall = std::function<absl::StatusOr<v1::GenerateImagesResponse>(const v1::GenerateImagesRequest& request)>;

// PNG. Columns have the noise of `like.seed()` and the numbers after it. One candidate each,
// unconfident ones too, so that a sheet shows what the model draws, not what it would offer.
// A picture that cannot be drawn is a grey tile with the reason. `draw`'s errors.
absl::StatusOr<std::string> DrawSheet(const std::vector<SheetRow>& rows, const v1::GenerateImagesRequest& like,
                                      int noises, const DrawCall& draw);

}  // namespace mannequin
