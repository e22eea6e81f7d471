#include "services/fetcher/image_check.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "common/base/sha256.h"
#include "common/image/not_available.h"

namespace mannequin {
namespace {

void Fail(const absl::Status& status, bool is_html, ImageCheck* check) {
  check->failure = absl::IsResourceExhausted(status) ? v1::FETCH_FAILURE_TOO_LARGE : v1::FETCH_FAILURE_NOT_AN_IMAGE;
  // The commonest case has its own words: shops answer 200 with a page for what is gone.
  check->message = is_html ? "an HTML page, not a picture" : std::string(status.message());
}

void FailNotAvailable(std::string message, ImageCheck* check) {
  check->failure = v1::FETCH_FAILURE_NOT_AVAILABLE;
  check->message = std::move(message);
}

bool IsHtml(absl::string_view body) {
  const absl::string_view start = absl::StripLeadingAsciiWhitespace(body.substr(0, 256));
  return absl::StartsWithIgnoreCase(start, "<!doctype html") || absl::StartsWithIgnoreCase(start, "<html");
}

// The body as it is, when its header will do.
void CheckHeader(std::string body, const ImageLimits& limits, ImageCheck* check) {
  absl::StatusOr<ImageHeader> header = ReadImageHeader(body, limits);
  if (!header.ok()) return Fail(header.status(), IsHtml(body), check);
  if (std::string why = WhyNotAvailable({}, header->width, header->height); !why.empty()) {
    return FailNotAvailable(std::move(why), check);
  }
  check->picture.data = std::move(body);
  check->picture.media_type = std::move(header->media_type);
  check->picture.width = header->width;
  check->picture.height = header->height;
}

}  // namespace

ImageCheck CheckImage(std::string&& body, const ImageCheckOptions& options) {
  ImageCheck check;
  if (body.empty()) {
    check.failure = v1::FETCH_FAILURE_EMPTY_BODY;
    check.message = "empty body";
    return check;
  }
  check.source_sha256 = Sha256Hex(body);
  if (options.not_available_sha256.contains(check.source_sha256)) {
    FailNotAvailable("a picture that not_available_sha256 lists", &check);
    return check;
  }
  if (options.header_only) {
    CheckHeader(std::move(body), options.limits, &check);
    return check;
  }
  const bool is_html = IsHtml(body);
  absl::StatusOr<StoredPicture> picture =
      MakeStoredPicture(std::move(body), {options.limits, options.keep_original, options.rendition_sides});
  if (!picture.ok()) {
    Fail(picture.status(), is_html, &check);
  } else if (!picture->not_available.empty()) {
    FailNotAvailable(std::move(picture->not_available), &check);
  } else {
    check.picture = *std::move(picture);
  }
  return check;
}

}  // namespace mannequin
