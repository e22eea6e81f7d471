// How much lies in a folder.
#pragma once

#include <cstdint>
#include <string>

namespace mannequin::store {

// Bytes of all files below `folder`; 0 when there is none. Files may come and go
// meanwhile: one that is gone takes no space.
std::int64_t DiskBytes(const std::string& folder);

}  // namespace mannequin::store
