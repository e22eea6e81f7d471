#include "services/fetcher/image_check.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace mannequin {
namespace {

ImageCheck Bad(const absl::Status& status, absl::string_view body) {
  ImageCheck check;
  check.failure = absl::IsResourceExhausted(status) ? v1::FETCH_FAILURE_TOO_LARGE : v1::FETCH_FAILURE_NOT_AN_IMAGE;
  check.message = std::string(status.message());
  // The commonest case has its own words: shops answer 200 with a page for what is gone.
  const absl::string_view start = absl::StripLeadingAsciiWhitespace(body.substr(0, 256));
  if (absl::StartsWithIgnoreCase(start, "<!doctype html") || absl::StartsWithIgnoreCase(start, "<html")) {
    check.message = "an HTML page, not a picture";
  }
  return check;
}

}  // namespace

ImageCheck CheckImage(absl::string_view body, const ImageCheckOptions& options) {
  ImageCheck check;
  if (body.empty()) {
    check.failure = v1::FETCH_FAILURE_EMPTY_BODY;
    check.message = "empty body";
    return check;
  }
  absl::StatusOr<ImageHeader> header = ReadImageHeader(body, options.limits);
  if (!header.ok()) return Bad(header.status(), body);
  if (!options.header_only) {
    DecodeOptions decode;
    decode.limits = options.limits;
    const absl::StatusOr<Pixels> pixels = DecodeImage(body, decode);
    if (!pixels.ok()) return Bad(pixels.status(), body);
  }
  check.header = *std::move(header);
  return check;
}

}  // namespace mannequin
