// Ownership of libvips' objects. Only for the .cc files of this folder.
#pragma once

#include <vips/vips.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace mannequin {

struct VipsUnref {
  void operator()(VipsImage* image) const { g_object_unref(image); }
};
using VipsHandle = std::unique_ptr<VipsImage, VipsUnref>;

struct GlibFree {
  void operator()(void* memory) const { g_free(memory); }
};
using GlibBytes = std::unique_ptr<void, GlibFree>;

// What libvips said last, as INVALID_ARGUMENT "<what>: <reason>". libvips keeps one log
// for all threads, so under load the reason may name another picture's trouble too.
inline absl::Status VipsFailure(absl::string_view what) {
  std::unique_ptr<char, GlibFree> log(vips_error_buffer_copy());
  std::string reason(absl::StripAsciiWhitespace(log.get()));
  for (char& c : reason) {
    if (c == '\n') c = ';';
  }
  return absl::InvalidArgumentError(absl::StrCat(what, ": ", reason.empty() ? "libvips gave no reason" : reason));
}

}  // namespace mannequin
