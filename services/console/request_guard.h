// Who may call the console from a browser. There is no login, so a foreign page open in
// the same browser must not be able to act through it.
//
// - A call has a JSON content type: a form or a "simple" request of another origin cannot
//   have it, and a preflight is never answered.
// - Origin, when the browser sends it, is the page's own.
// - On a loopback address Host names this machine: a foreign name that was rebound to
//   127.0.0.1 is refused.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace mannequin {

// PERMISSION_DENIED unless `origin` is empty or is http(s)://`host`.
absl::Status CheckOrigin(absl::string_view origin, absl::string_view host);

// PERMISSION_DENIED unless `host` is localhost, 127.0.0.0/8 or [::1], with any port.
absl::Status CheckLoopbackHost(absl::string_view host);

// INVALID_ARGUMENT unless `content_type` is `expected`, with charset=utf-8 at most. Only types that
// no form can have are expected.
absl::Status CheckContentType(absl::string_view content_type, absl::string_view expected = "application/json");

}  // namespace mannequin
