// Records and pictures as they are kept, for moving a store.
#include <optional>

#include "common/base/status_macros.h"
#include "services/store/record_store.h"
#include "services/store/validate.h"

namespace mannequin {

absl::Status RecordStore::ExportRecords(const v1::ExportRecordsRequest& request,
                                        const std::function<absl::Status(const v1::ExportedRecord&)>& visit) {
  if (request.kind() == v1::RECORD_KIND_UNSPECIFIED || !v1::RecordKind_IsValid(request.kind())) {
    return absl::InvalidArgumentError("kind: is not one of RecordKind");
  }
  ASSIGN_OR_RETURN(const Slot slot, TakeScanSlot());
  v1::ExportedRecord record;
  return VisitRaw(request.kind(), request.after(), [&](absl::string_view key, absl::string_view value) {
    record.set_key(key.data(), key.size());
    record.set_value(value.data(), value.size());
    return visit(record);
  });
}

absl::Status RecordStore::ExportPictures(const v1::ExportPicturesRequest& request,
                                         const std::function<absl::Status(const v1::ExportPicturesResponse&)>& visit) {
  RETURN_IF_ERROR(store::CheckCount("sha256s", request.sha256s_size(), 1, 1000));
  for (const std::string& sha256 : request.sha256s()) RETURN_IF_ERROR(store::ImageKey(sha256).status());
  for (const std::string& sha256 : request.sha256s()) {
    ASSIGN_OR_RETURN(const std::optional<v1::ExportPicturesResponse> picture, ReadPicture(sha256));
    if (picture) RETURN_IF_ERROR(visit(*picture));
  }
  return absl::OkStatus();
}

}  // namespace mannequin
