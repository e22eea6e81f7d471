#include "services/store/rocks/prefix_cursor.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "services/store/rocks/rocks_status.h"

namespace mannequin::store {
namespace {

// The first key behind all that begin with `prefix`. No prefix of ours is all FF.
std::string PrefixEnd(std::string prefix) {
  while (prefix.back() == '\xff') prefix.pop_back();
  ++prefix.back();
  return prefix;
}

}  // namespace

PrefixCursor::PrefixCursor(const Database& db, Family family, std::string prefix, rocksdb::ReadOptions options)
    : prefix_(std::move(prefix)), end_(PrefixEnd(prefix_)), lower_(prefix_), upper_(end_) {
  // Bounds keep the walk off the deletions of its neighbours.
  options.iterate_lower_bound = &lower_;
  options.iterate_upper_bound = &upper_;
  iterator_ = db.NewIterator(family, options);
}

void PrefixCursor::Seek(absl::string_view id) { iterator_->Seek(absl::StrCat(prefix_, id)); }

void PrefixCursor::SeekAfter(absl::string_view id) {
  Seek(id);
  if (!id.empty() && Valid() && this->id() == id) Next();
}

void PrefixCursor::SeekBefore(absl::string_view id) {
  if (id.empty()) {
    iterator_->SeekToLast();
    return;
  }
  iterator_->SeekForPrev(absl::StrCat(prefix_, id));
  if (Valid() && this->id() == id) Previous();
}

absl::string_view PrefixCursor::id() const { return ToView(iterator_->key()).substr(prefix_.size()); }

absl::Status PrefixCursor::status() const { return FromRocks(iterator_->status(), "walk keys of one prefix"); }

}  // namespace mannequin::store
