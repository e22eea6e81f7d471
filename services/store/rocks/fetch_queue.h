// The products whose image is to be fetched, origin by origin, as LeaseFetches goes round.
// The index has them; this remembers where of each origin the walk goes on, and from where
// on there may be entries at all: what a crawl has fetched leaves deletions behind, millions
// of them, that no call may walk over again.
//
//   RETURN_IF_ERROR(queue.Learn(db));
//   const std::string origin = queue.Next(after)->origin;
//   RETURN_IF_ERROR(queue.VisitFrom(db, origin, visit));   // its place may be gone afterwards
#pragma once

#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "services/store/rocks/database.h"

namespace mannequin::store {

// Not thread-safe. In memory: a name and two ids an origin.
class FetchQueue {
 public:
  struct Place {
    std::string origin;
    // No entry lies before.
    std::string first;
    // The id that was visited last.
    std::string last;
  };
  // False: enough of this origin.
  using Visit = std::function<absl::StatusOr<bool>(const std::string& id)>;

  // That entry of the index came.
  void Add(absl::string_view entry);
  // Entries came, too many to name.
  void Forget() { known_ = false; }
  // Walks over the origins in the index if it must: one seek each.
  absl::Status Learn(const Database& db);
  // The origin behind `after`; nullptr behind the last.
  Place* Next(absl::string_view after);
  Place* First() { return places_.empty() ? nullptr : &places_.begin()->second; }
  // Ids from where the last visit ended, once around; drops an origin without any.
  absl::Status VisitFrom(const Database& db, const std::string& origin, const Visit& visit);

 private:
  bool known_ = false;
  std::map<std::string, Place, std::less<>> places_;
};

}  // namespace mannequin::store
