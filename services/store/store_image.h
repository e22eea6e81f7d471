// What a real image changes: a fetched or a given one.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "services/store/edit.h"
#include "services/store/record_store.h"

namespace mannequin::store {

// `after` is `before` with that picture, STORED; its placeholder is retired. The caller puts it.
absl::Status StoreImage(const v1::StoredProduct& before, const v1::Image& image, const std::string& sha256,
                        const Renditions& renditions, Edit& edit, v1::StoredProduct& after);

}  // namespace mannequin::store
