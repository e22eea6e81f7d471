// The products whose image is to be fetched, origin by origin.
//
//   FetchOrigins origins(db);
//   for (origins.SeekAfter(last); origins.Valid(); origins.Next()) Use(origins.origin());
//   RETURN_IF_ERROR(origins.status());
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "services/store/prefix_cursor.h"

namespace mannequin::store {

// Not thread-safe. Sees the database as it was when made. One seek an origin, however
// many products it has.
class FetchOrigins {
 public:
  explicit FetchOrigins(const Database& db) : entries_(db, std::string(kFetchTag)) {}

  void SeekToFirst();
  // To the first origin after `origin`.
  void SeekAfter(absl::string_view origin);
  void Next() { SeekAfter(std::string(origin_)); }
  bool Valid() const { return entries_.Valid(); }
  // Until the cursor moves. May be empty: products whose URL has none.
  const std::string& origin() const { return origin_; }
  absl::Status status() const { return entries_.status(); }

 private:
  void ReadOrigin();

  PrefixCursor entries_;
  std::string origin_;
};

}  // namespace mannequin::store
