// Names for things that we make.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mannequin {

// `prefix` and a ULID: 26 characters of Crockford's base 32, 48 bits of milliseconds
// then 80 random bits, so that ids sort by creation time.
// Source: https://github.com/ulid/spec. Thread-safe.
std::string NewId(absl::string_view prefix, absl::Time now);

// Who holds a lease: "<service>@<host>:<pid>".
std::string WorkerName(absl::string_view service);

}  // namespace mannequin
