#include "services/store/lost_picture.h"

#include <optional>
#include <utility>

#include "common/base/status_macros.h"
#include "services/store/image_state.h"

namespace mannequin::store {
namespace {

constexpr char kReason[] = "the picture was lost to damage";

}  // namespace

absl::StatusOr<bool> LetGoOfPicture(Edit& edit, Family family, const std::string& id, const std::string& sha256) {
  if (family == Family::kPlaceholders) {
    ASSIGN_OR_RETURN(const auto before, edit.Read<v1::Placeholder>(family, id));
    if (!before) return false;
    v1::Placeholder after = *before;
    if (before->image_sha256() == sha256) {
      // What it has of a badge stays until it is drawn anew: its own count may be wrong just now.
      after.clear_image_sha256();
      after.set_state(v1::PLACEHOLDER_STATE_REJECTED);
      after.set_rejection_reason(kReason);
    } else if (before->badged_image_sha256() == sha256) {
      after.clear_badged_image_sha256();
      if (before->state() == v1::PLACEHOLDER_STATE_APPROVED) after.set_state(v1::PLACEHOLDER_STATE_PROPOSED);
    } else {
      return false;
    }
    edit.PutPlaceholder(before, std::move(after), {.reviewer = "", .reason = kReason});
    return true;
  }
  ASSIGN_OR_RETURN(const auto before, edit.Read<v1::StoredProduct>(family, id));
  if (!before || before->image().sha256() != sha256) return false;
  v1::StoredProduct after = *before;
  after.mutable_image()->Clear();
  after.mutable_image()->set_state(NewImageState(after.product()));
  *after.mutable_updated_at() = edit.now();
  edit.PutProduct(before, after);
  return true;
}

absl::string_view CureOfLostPicture(Family family, bool done) {
  if (family == Family::kProducts) {
    return done ? "it waits for the next crawl now, or is MISSING when it has no URL"
                : "restore the latest backup, or --repair and crawl again";
  }
  return done ? "rejected now, to be made anew; proposed again when only its badge is lost"
              : "restore the latest backup, or --repair and make or approve it anew";
}

}  // namespace mannequin::store
