#include "services/mannequin/placeholder_sheet.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/image/image.h"
#include "common/model/described_product.h"
#include "services/mannequin/captioned_sheet.h"
#include "services/mannequin/generation_report.h"

namespace mannequin {
namespace {

constexpr std::size_t kSheetPictures = 48;
constexpr int kSheetColumns = 8;
constexpr std::size_t kConsidered = 1000;  // for the sheet, at most

absl::StatusOr<std::vector<v1::Placeholder>> AllOf(ProductStore& store, v1::PlaceholderState state) {
  std::vector<v1::Placeholder> all;
  v1::ListPlaceholdersRequest request;
  request.set_state(state);
  request.set_page_size(1000);
  do {
    ASSIGN_OR_RETURN(const v1::ListPlaceholdersResponse page, store.ListPlaceholders(request));
    all.insert(all.end(), page.placeholders().begin(), page.placeholders().end());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return all;
}

// As it is shown: with its badge when it has one.
absl::StatusOr<v1::Image> PictureOf(ProductStore& store, const v1::Placeholder& placeholder) {
  const std::string& badged = placeholder.badged_image_sha256();
  v1::GetImageRequest request;
  request.set_sha256(badged.empty() ? placeholder.image_sha256() : badged);
  ASSIGN_OR_RETURN(v1::GetImageResponse response, store.GetImage(request));
  return std::move(*response.mutable_image());
}

// Products of the first placeholders, as many as one call gives.
absl::StatusOr<std::map<std::string, v1::Product>> ProductsOf(ProductStore& store,
                                                              const std::vector<v1::Placeholder>& placeholders) {
  v1::BatchGetProductsRequest request;
  for (std::size_t i = 0; i < std::min(kConsidered, placeholders.size()); ++i) {
    request.add_ids(placeholders[i].product_id());
  }
  ASSIGN_OR_RETURN(v1::BatchGetProductsResponse response, store.BatchGetProducts(request));
  std::map<std::string, v1::Product> products;
  for (v1::StoredProduct& stored : *response.mutable_products()) {
    std::string id = stored.product().id();
    products.emplace(std::move(id), std::move(*stored.mutable_product()));
  }
  return products;
}

// The best of each category, then the second of each, and so on: what the generator can
// draw, not one thing many times. `placeholders` begin with the most confident.
absl::Status WriteSheet(ProductStore& store, const std::vector<v1::Placeholder>& placeholders,
                        const std::string& path) {
  ASSIGN_OR_RETURN(const auto products, ProductsOf(store, placeholders));
  struct Place {
    int rank;  // within its category
    const v1::Placeholder* placeholder;
    const v1::Product* product;
  };
  std::vector<Place> places;
  std::map<std::string, int> seen;
  for (const v1::Placeholder& placeholder : placeholders) {
    const auto found = products.find(placeholder.product_id());
    if (found == products.end()) continue;
    places.push_back({seen[LeafCategory(found->second)]++, &placeholder, &found->second});
  }
  std::stable_sort(places.begin(), places.end(), [](const Place& a, const Place& b) { return a.rank < b.rank; });
  places.resize(std::min(kSheetPictures, places.size()));
  std::vector<CaptionedPicture> pictures;
  for (const Place& place : places) {
    ASSIGN_OR_RETURN(const v1::Image image, PictureOf(store, *place.placeholder));
    ASSIGN_OR_RETURN(Pixels pixels, DecodeImage(image.data()));
    pictures.push_back({std::move(pixels), place.product->title(),
                        absl::StrFormat("confidence %.2f", place.placeholder->confidence())});
  }
  ASSIGN_OR_RETURN(const std::string png, CaptionedSheet(pictures, kSheetColumns));
  return WriteFileAtomically(path, png);
}

}  // namespace

absl::StatusOr<PlaceholderExport> ExportPlaceholders(ProductStore& store, v1::PlaceholderState state,
                                                     const std::string& folder, bool sheet_only) {
  ASSIGN_OR_RETURN(std::vector<v1::Placeholder> placeholders, AllOf(store, state));
  if (placeholders.empty()) {
    return absl::NotFoundError("there are no such placeholders; `mannequin placeholders make` proposes some");
  }
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot make ", folder));
  std::stable_sort(placeholders.begin(), placeholders.end(),
                   [](const v1::Placeholder& a, const v1::Placeholder& b) { return a.confidence() > b.confidence(); });
  PlaceholderExport result;
  for (const v1::Placeholder& placeholder : placeholders) {
    if (sheet_only) break;
    ASSIGN_OR_RETURN(const v1::Image image, PictureOf(store, placeholder));
    // Ids are the sellers': a slash in one must not become a folder.
    const std::string path = absl::StrCat(folder, "/", SafeFileName(placeholder.product_id()), ".png");
    RETURN_IF_ERROR(WriteFileAtomically(path, image.data()));
    ++result.images;
  }
  result.sheet_path = folder + "/sheet.png";
  RETURN_IF_ERROR(WriteSheet(store, placeholders, result.sheet_path));
  return result;
}

}  // namespace mannequin
