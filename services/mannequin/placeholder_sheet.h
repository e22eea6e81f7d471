// Placeholders as pictures in a folder, and one sheet of them to look at.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "common/store/product_store.h"

namespace mannequin {

struct PlaceholderExport {
  std::int64_t images = 0;
  std::string sheet_path;  // folder/sheet.png
};

// Writes each placeholder of `state` as folder/ID.png (SafeFileName; unless `sheet_only`), as
// it is shown: approved ones with their badge; and the most
// confident 48, categories in turn, as folder/sheet.png. NOT_FOUND when there is none.
absl::StatusOr<PlaceholderExport> ExportPlaceholders(ProductStore& store, v1::PlaceholderState state,
                                                     const std::string& folder, bool sheet_only);

}  // namespace mannequin
