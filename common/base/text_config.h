// Strict protobuf text format for configuration and manifests: an unknown key, a
// wrong type or a repeated scalar is an error that names the place.
//
//   config::v1::StoreConfig config;
//   RETURN_IF_ERROR(ReadTextConfig("store.textproto", &config));
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace mannequin {

// INVALID_ARGUMENT: "<name>:<line>:<column>: <what is wrong>".
absl::Status ParseTextConfig(absl::string_view text, absl::string_view name, google::protobuf::Message* message);

// Also NOT_FOUND and the like when the file cannot be read.
absl::Status ReadTextConfig(const std::string& path, google::protobuf::Message* message);

}  // namespace mannequin
