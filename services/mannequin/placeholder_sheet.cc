#include "services/mannequin/placeholder_sheet.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/image/image.h"
#include "services/mannequin/captioned_sheet.h"

namespace mannequin {
namespace {

constexpr std::size_t kSheetPictures = 48;
constexpr int kSheetColumns = 8;

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

absl::StatusOr<v1::Image> PictureOf(ProductStore& store, const v1::Placeholder& placeholder) {
  v1::GetImageRequest request;
  request.set_sha256(placeholder.image_sha256());
  ASSIGN_OR_RETURN(v1::GetImageResponse response, store.GetImage(request));
  return std::move(*response.mutable_image());
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
  std::vector<CaptionedPicture> sheet;
  for (const v1::Placeholder& placeholder : placeholders) {
    if (sheet_only && sheet.size() == kSheetPictures) break;
    ASSIGN_OR_RETURN(const v1::Image image, PictureOf(store, placeholder));
    if (sheet.size() < kSheetPictures) {
      ASSIGN_OR_RETURN(Pixels pixels, DecodeImage(image.data()));
      v1::GetProductRequest wanted;
      wanted.set_id(placeholder.product_id());
      ASSIGN_OR_RETURN(const v1::GetProductResponse found, store.GetProduct(wanted));
      sheet.push_back({std::move(pixels), found.product().product().title(),
                       absl::StrFormat("confidence %.2f", placeholder.confidence())});
    }
    if (!sheet_only) {
      // Ids are the sellers': a slash in one must not become a folder.
      const std::string name = absl::StrReplaceAll(placeholder.product_id(), {{"/", "_"}, {"..", "_"}});
      RETURN_IF_ERROR(WriteFileAtomically(absl::StrCat(folder, "/", name, ".png"), image.data()));
      ++result.images;
    }
  }
  ASSIGN_OR_RETURN(const std::string png, CaptionedSheet(sheet, kSheetColumns));
  result.sheet_path = folder + "/sheet.png";
  RETURN_IF_ERROR(WriteFileAtomically(result.sheet_path, png));
  return result;
}

}  // namespace mannequin
