#include "services/store/rocks_store.h"

namespace mannequin {

absl::Status RocksStore::CheckIntegrity(const v1::CheckIntegrityRequest&,
                                        const std::function<absl::Status(const v1::CheckIntegrityResponse&)>&) {
  return absl::UnimplementedError("not yet");
}

}  // namespace mannequin
