// One picture with letters is drawn at a time: cairo keeps the outlines of a font's letters for
// all threads, and Debian 12's (1.16) frees them while another one reads.
#pragma once

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace mannequin {

// To be held from loading `svg` until its pixels are had; null when it has no letters.
//
//   absl::MutexLockMaybe lock(SvgTextMutex(svg));
inline absl::Mutex* SvgTextMutex(absl::string_view svg) {
  static absl::Mutex mutex;
  return absl::StrContains(svg, "<text") ? &mutex : nullptr;
}

}  // namespace mannequin
