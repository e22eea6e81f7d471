#include "services/store/rocks/fetch_queue.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/rocks/prefix_cursor.h"

namespace mannequin::store {

absl::Status FetchQueue::Learn(const Database& db) {
  if (known_) return absl::OkStatus();
  std::map<std::string, Place, std::less<>> places;
  PrefixCursor entries(db, std::string(kFetchTag));
  for (entries.SeekAfter(""); entries.Valid();) {
    const std::string origin = OriginOfFetch(absl::StrCat(kFetchTag, entries.id())).value_or("");
    Place& place = places[origin];
    place.origin = origin;
    const auto before = places_.find(origin);
    if (before != places_.end()) place.last = before->second.last;
    // A text ends with 00 01: behind 00 02 there is nothing more of it.
    std::string behind = FetchPrefix(origin).substr(kFetchTag.size());
    ++behind.back();
    entries.Seek(behind);
  }
  RETURN_IF_ERROR(entries.status());
  places_ = std::move(places);
  known_ = true;
  return absl::OkStatus();
}

void FetchQueue::Add(absl::string_view entry) {
  const std::optional<std::string> origin = OriginOfFetch(entry);
  // Learn() will find it.
  if (!known_ || !origin) return;
  const std::string id(entry.substr(FetchPrefix(*origin).size()));
  const auto [found, is_new] = places_.try_emplace(*origin);
  Place& place = found->second;
  place.origin = *origin;
  if (is_new || id < place.first) place.first = id;
}

FetchQueue::Place* FetchQueue::Next(absl::string_view after) {
  const auto found = places_.upper_bound(after);
  return found == places_.end() ? nullptr : &found->second;
}

absl::Status FetchQueue::VisitFrom(const Database& db, const std::string& origin, const Visit& visit) {
  const auto found = places_.find(origin);
  if (found == places_.end()) return absl::OkStatus();
  Place& place = found->second;
  PrefixCursor entries(db, FetchPrefix(origin));
  const std::string start = place.last;
  bool any = false;
  const auto visit_up_to = [&](absl::string_view end) -> absl::StatusOr<bool> {
    for (; entries.Valid(); entries.Next()) {
      std::string id(entries.id());
      if (!end.empty() && id > end) break;
      any = true;
      ASSIGN_OR_RETURN(const bool more, visit(id));
      if (!more) return false;
      place.last = std::move(id);
    }
    RETURN_IF_ERROR(entries.status());
    return true;
  };
  if (!start.empty()) {
    entries.SeekAfter(start);
    ASSIGN_OR_RETURN(const bool more, visit_up_to(""));
    if (!more) return absl::OkStatus();
  }
  entries.Seek(place.first);
  if (entries.Valid()) place.first = std::string(entries.id());
  RETURN_IF_ERROR(visit_up_to(start).status());
  if (!any) places_.erase(found);
  return absl::OkStatus();
}

}  // namespace mannequin::store
