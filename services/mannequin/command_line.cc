#include "services/mannequin/command_line.h"

#include <cstdio>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/base/utf8.h"
#include "common/rpc/status.h"
#include "common/store/remote_store.h"
#include "google/protobuf/util/json_util.h"
#include "services/mannequin/category_path.h"
#include "services/mannequin/job_view.h"
#include "services/mannequin/suite.h"

namespace mannequin {

Invocation::Invocation() = default;

Invocation::~Invocation() {
  store_.reset();
  channel_.reset();
  suite_.reset();
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

absl::Status Invocation::ServeLocally() {
  ASSIGN_OR_RETURN(folder_, MakeTemporaryFolder("mannequin-local"));
  SuiteOptions options;
  options.data = folder_;
  options.listen = "127.0.0.1:0";
  options.admin_listen.clear();
  options.console_listen.clear();
  options.shipped_bundle = true;
  ASSIGN_OR_RETURN(suite_, Suite::Start(options));
  server = suite_->address();
  client.Clear();
  return absl::OkStatus();
}

const std::shared_ptr<grpc::Channel>& Invocation::Channel() {
  if (!channel_) channel_ = rpc::NewChannel(server, client);
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
                   "; start one with `mannequin up --data DIR`, or name another with --server; generate and score "
                   "also work without one, with --local)"));
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
  for (std::string& part : CategoryPathOf(options.category)) *product.add_category_path() = std::move(part);
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

void AddTrainingFilterOptions(CLI::App& command, const std::function<v1::TrainingFilter*()>& filter) {
  const auto list = [&](const std::string& flag, const std::string& help, auto add) {
    command
        .add_option_function<std::vector<std::string>>(
            flag,
            [filter, add](const std::vector<std::string>& words) {
              for (const std::string& word : words) add(*filter(), word);
            },
            help)
        ->check(Utf8());
  };
  list("--category", "only products with it in their category path; may be repeated",
       [](v1::TrainingFilter& f, const std::string& name) { f.add_categories(name); });
  list("--brand", "only its products; may be repeated",
       [](v1::TrainingFilter& f, const std::string& name) { f.add_brands(name); });
  list("--attribute", "NAME=VALUE: only products with it; may be repeated",
       [](v1::TrainingFilter& f, const std::string& word) {
         const std::pair<std::string, std::string> parts = absl::StrSplit(word, absl::MaxSplits('=', 1));
         if (parts.first.empty() || parts.second.empty()) {
           throw CLI::ValidationError("--attribute", absl::StrCat("\"", word, "\" is not NAME=VALUE"));
         }
         (*f.mutable_attributes())[parts.first] = parts.second;
       });
}

void AddLocalOption(CLI::App& command, Invocation& invocation) {
  command.add_flag("--local", invocation.local,
                   "without a server: in this process, with the bundle that comes with this program");
}

}  // namespace mannequin
