// What happened to a placeholder: a list in its record, written by the store alone.
//
//   after = WithHistory(before, std::move(after), edit.now(), {.reviewer = "kim", .reason = "too dark"});
#pragma once

#include <optional>
#include <string>

#include "google/protobuf/timestamp.pb.h"
#include "mannequin/v1/placeholder.pb.h"

namespace mannequin::store {

// A longer history loses its oldest events.
inline constexpr int kPlaceholderEvents = 64;

// Who changed it, and why; empty: the suite itself.
struct PlaceholderDecision {
  std::string reviewer;
  std::string reason;
};

// `after` with its times and with the events of `before`, whatever it brings of both; with one
// more event when its state or picture is another than that of `before`. A record of before
// there were events begins with one that says what it was.
v1::Placeholder WithHistory(const std::optional<v1::Placeholder>& before, v1::Placeholder after,
                            const google::protobuf::Timestamp& now, const PlaceholderDecision& decision);

}  // namespace mannequin::store
