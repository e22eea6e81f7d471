#include "services/mannequin/ingest/jsonl_format.h"

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "services/mannequin/ingest/utf8.h"

namespace mannequin {

bool JsonlFormat::Parse(absl::string_view line, v1::Product* product, RecordError* error) {
  product->Clear();
  const size_t invalid = FindInvalidUtf8(line);
  if (invalid != line.size()) {
    *error = {static_cast<int>(invalid) + 1, "invalid UTF-8"};
    return false;
  }
  const google::protobuf::util::Status status =
      google::protobuf::util::JsonStringToMessage({line.data(), line.size()}, product);
  if (!status.ok()) {
    // Protobuf's words run over several lines: the fault, the text around it, a caret.
    const absl::string_view message(status.message().data(), status.message().size());
    *error = {0, absl::StrCat("not a Product as JSON: ", message.substr(0, message.find('\n')))};
    return false;
  }
  return CheckProduct(*product, error);
}

}  // namespace mannequin
