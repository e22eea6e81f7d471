#include "services/store/placeholder_history.h"

namespace mannequin::store {
namespace {

void AddEvent(const v1::Placeholder& was, const google::protobuf::Timestamp& at, const PlaceholderDecision& decision,
              google::protobuf::RepeatedPtrField<v1::PlaceholderEvent>& events) {
  v1::PlaceholderEvent& event = *events.Add();
  event.set_state(was.state());
  *event.mutable_at() = at;
  event.set_reviewer(decision.reviewer);
  event.set_reason(decision.reason);
  event.set_image_sha256(was.image_sha256());
  event.set_confidence(was.confidence());
  event.set_seed(was.seed());
  event.set_bundle_version(was.bundle_version());
  event.set_words(was.words());
}

}  // namespace

v1::Placeholder WithHistory(const std::optional<v1::Placeholder>& before, v1::Placeholder after,
                            const google::protobuf::Timestamp& now, const PlaceholderDecision& decision) {
  *after.mutable_updated_at() = now;
  *after.mutable_created_at() = before ? before->created_at() : now;
  google::protobuf::RepeatedPtrField<v1::PlaceholderEvent>& events = *after.mutable_events();
  events.Clear();
  if (before) {
    events = before->events();
    if (events.empty()) {
      AddEvent(*before, before->updated_at(), {.reviewer = "", .reason = before->rejection_reason()}, events);
    }
    if (before->state() == after.state() && before->image_sha256() == after.image_sha256()) return after;
  }
  AddEvent(after, now, decision, events);
  if (events.size() > kPlaceholderEvents) events.DeleteSubrange(0, events.size() - kPlaceholderEvents);
  return after;
}

}  // namespace mannequin::store
