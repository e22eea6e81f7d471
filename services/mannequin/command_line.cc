#include "services/mannequin/command_line.h"

#include <cstdio>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"
#include "common/base/utf8.h"
#include "common/rpc/status.h"
#include "common/store/remote_store.h"
#include "google/protobuf/util/json_util.h"
#include "services/mannequin/job_view.h"

namespace mannequin {

const std::shared_ptr<grpc::Channel>& Invocation::Channel() {
  if (!channel_) channel_ = rpc::NewChannel(server);
  return channel_;
}

ProductStore& Invocation::Store() {
  if (!store_) store_ = NewRemoteStore(Channel());
  return *store_;
}

absl::Status Explain(const grpc::Status& status, const std::string& server) {
  const absl::Status result = rpc::FromGrpc(status);
  if (!absl::IsUnavailable(result)) return result;
  return absl::UnavailableError(
      absl::StrCat(result.message(), " (server ", server,
                   "; start one with `mannequin up --data DIR`, or name another with --server)"));
}

absl::Status FollowJob(Invocation& invocation, const v1::Job& job) {
  ProgressLine progress(invocation.json());
  ASSIGN_OR_RETURN(const v1::Job ended, WaitForJob(invocation.Store(), job.id(), progress, true));
  if (invocation.json()) PrintJson(JsonValue(ended));
  return absl::OkStatus();
}

std::string JsonText(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string text;
  (void)google::protobuf::util::MessageToJsonString(message, &text, options);
  return text;
}

nlohmann::json JsonValue(const google::protobuf::Message& message) { return nlohmann::json::parse(JsonText(message)); }

void PrintJson(const nlohmann::json& value) {
  std::puts(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

CLI::Validator Utf8() {
  const auto check = [](const std::string& text) {
    const std::size_t at = FindInvalidUtf8(text);
    return at == text.size() ? "" : absl::StrCat("not UTF-8 at byte ", at, ": convert it, e.g. with iconv");
  };
  return CLI::Validator(check, "");
}

void AddProductOptions(CLI::App& command, ProductOptions& options) {
  command.add_option("--title", options.title, "the listing's name")->check(Utf8());
  command
      .add_option("--category", options.category, "path from top to leaf, \"Apparel > Topwear > Shirts\", or the leaf")
      ->check(Utf8());
  command.add_option("--brand", options.brand)->check(Utf8());
  command.add_option("--color", options.color)->check(Utf8());
  command.add_option("--attribute", options.attributes, "NAME=VALUE, repeatable")->check(Utf8());
}

absl::StatusOr<v1::Product> ProductOf(const ProductOptions& options) {
  v1::Product product;
  product.set_id(options.id);
  product.set_title(options.title);
  product.set_brand(options.brand);
  for (absl::string_view part : absl::StrSplit(options.category, '>')) {
    part = absl::StripAsciiWhitespace(part);
    if (!part.empty()) product.add_category_path(std::string(part));
  }
  const auto add = [&product](const std::string& name, const std::string& value) {
    v1::Attribute* attribute = product.add_attributes();
    attribute->set_name(name);
    attribute->set_value(value);
  };
  if (!options.color.empty()) add("color", options.color);
  for (const std::string& pair : options.attributes) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return absl::InvalidArgumentError(absl::StrCat("--attribute: \"", pair, "\" is not NAME=VALUE"));
    }
    add(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return product;
}

}  // namespace mannequin
