// Walks the ids below one prefix of the index, or the keys below one of another family, in
// order.
//
//   PrefixCursor cursor(db, ImageStatePrefix(v1::IMAGE_STATE_PENDING));
//   for (cursor.SeekAfter(last_id); cursor.Valid(); cursor.Next()) Use(cursor.id());
//   RETURN_IF_ERROR(cursor.status());   // a damaged block ends a walk early: always ask
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "rocksdb/iterator.h"
#include "rocksdb/options.h"
#include "rocksdb/slice.h"
#include "services/store/rocks/database.h"

namespace mannequin::store {

// Not thread-safe. Sees the database as it was when made, or as `options.snapshot` says.
class PrefixCursor {
 public:
  PrefixCursor(const Database& db, std::string prefix, rocksdb::ReadOptions options = {})
      : PrefixCursor(db, Family::kIndex, std::move(prefix), std::move(options)) {}
  // Of another family than the index; `id` is what a key has after the prefix.
  PrefixCursor(const Database& db, Family family, std::string prefix, rocksdb::ReadOptions options = {});
  // RocksDB keeps the address of the bound.
  PrefixCursor(const PrefixCursor&) = delete;
  PrefixCursor& operator=(const PrefixCursor&) = delete;

  // To the first id at or after `id`.
  void Seek(absl::string_view id);
  // To the first id after `id`; the first of all when `id` is empty.
  void SeekAfter(absl::string_view id);
  // To the last id before `id`; the last of all when `id` is empty.
  void SeekBefore(absl::string_view id);
  void Next() { iterator_->Next(); }
  void Previous() { iterator_->Prev(); }
  bool Valid() const { return iterator_->Valid(); }
  // Until the cursor moves.
  absl::string_view id() const;
  absl::Status status() const;

 private:
  const std::string prefix_;
  const std::string end_;
  const rocksdb::Slice lower_;
  const rocksdb::Slice upper_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

}  // namespace mannequin::store
