#include "services/store/fetch_queue.h"

#include "absl/strings/str_cat.h"

namespace mannequin::store {

void FetchOrigins::SeekToFirst() {
  entries_.SeekAfter("");
  ReadOrigin();
}

void FetchOrigins::SeekAfter(absl::string_view origin) {
  // A text ends with 00 01; behind 00 02 there is nothing more of it.
  std::string behind = FetchPrefix(origin).substr(kFetchTag.size());
  ++behind.back();
  entries_.Seek(behind);
  ReadOrigin();
}

void FetchOrigins::ReadOrigin() {
  origin_.clear();
  if (entries_.Valid()) origin_ = OriginOfFetch(absl::StrCat(kFetchTag, entries_.id())).value_or("");
}

}  // namespace mannequin::store
