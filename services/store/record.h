// Records as they are kept: serialized messages.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "services/store/keys.h"

namespace mannequin::store {

// "read products/B00X": what an error's message begins with.
inline std::string Describe(absl::string_view verb, Family family, absl::string_view key) {
  return absl::StrCat(verb, " ", FamilyName(family), "/", absl::CHexEscape(key));
}

// DATA_LOSS when `bytes` are not a Message.
template <typename Message>
absl::StatusOr<Message> Decode(Family family, absl::string_view key, absl::string_view bytes) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError(Describe("read", family, key) + ": the record is not a " +
                               Message::descriptor()->full_name());
  }
  return message;
}

}  // namespace mannequin::store
