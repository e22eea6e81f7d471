#include "absl/cleanup/cleanup.h"
#include "common/base/status_macros.h"
#include "services/store/rocks/integrity_check.h"
#include "services/store/rocks/rocks_edit.h"
#include "services/store/rocks/rocks_store.h"

namespace mannequin {

absl::Status RocksStore::CheckIntegrity(const v1::CheckIntegrityRequest& request,
                                        const std::function<absl::Status(const v1::CheckIntegrityResponse&)>& visit) {
  if (!check_mutex_.TryLock()) {
    return absl::UnavailableError("check: another check is under way; try again when it is done");
  }
  const absl::Cleanup unlock = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { check_mutex_.Unlock(); };
  store::IntegrityCheck::Write write;
  if (request.repair())
    write = [this](const std::function<absl::Status(store::RocksEdit&)>& body) { return WriteRocks(body); };
  store::IntegrityCheck check(*db_, clock(), write, visit);
  return check.Run();
}

}  // namespace mannequin
