#include "services/mannequin/command_line.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/base/utf8.h"
#include "common/rpc/status.h"
#include "common/store/remote_store.h"
#include "google/protobuf/util/json_util.h"
#include "mannequin/v1/product_store.grpc.pb.h"
#include "services/mannequin/category_path.h"
#include "services/mannequin/command_tree.h"
#include "services/mannequin/job_view.h"
#include "services/mannequin/suite.h"

namespace mannequin {

Invocation::Invocation() = default;

Invocation::~Invocation() {
  store_.reset();
  channels_.clear();
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

const std::shared_ptr<grpc::Channel>& Invocation::Channel(absl::string_view contract) {
  const std::string& address = addresses_.Of(contract);
  std::shared_ptr<grpc::Channel>& channel = channels_[address];
  if (!channel) channel = rpc::NewChannel(address, client);
  return channel;
}

ProductStore& Invocation::Store() {
  if (!store_) store_ = NewRemoteStore(Channel(v1::ProductStore::service_full_name()));
  return *store_;
}

void AddCommands(CLI::App& app, Invocation& invocation) {
  app.name("mannequin");
  app.description(
      "finds abused product pictures and fills in missing ones\n"
      "  mannequin demo                        the main job on a catalogue that comes with it\n"
      "  mannequin up --data catalogue         every service and the console in one process\n"
      "  mannequin score photo.jpg --local --title \"Blue cotton shirt\" --category Shirts");
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_help_flag("-h,--help", "what the command does and takes");
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--server", invocation.server,
                 "HOST:PORT of a running suite; of services by themselves: store=HOST:PORT,fetcher=HOST:PORT,...")
      ->envname("MANNEQUIN_SERVER")
      ->capture_default_str();
  app.add_option("--output", invocation.output, "text for people, json for programs")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  AddConnectionOptions(app, invocation);
  AddServeCommands(app, invocation);
  AddDemoCommand(app, invocation);
  AddIngestCommand(app, invocation);
  AddCrawlCommand(app, invocation);
  AddExportCommand(app, invocation);
  AddOperationsCommands(app, invocation);
  AddMigrateCommand(app, invocation);
  AddDoctorCommand(app, invocation);
  AddEmbedCommands(app, invocation);
  AddTrainCommands(app, invocation);
  AddModelCommands(app, invocation);
  AddGenerateCommands(app, invocation);
  AddPlaceholderCommands(app, invocation);
  AddScoreCommands(app, invocation);
  AddTokenCommand(app, invocation);
  AddShellCommands(app, invocation);
}

namespace {

// Levenshtein's: single letters added, removed or replaced.
std::size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({replaced, row[j] + 1, row[j - 1] + 1}));
    }
  }
  return row[b.size()];
}

// Of the commands under `app`, the one that was likely meant; "" when none is near.
std::string NearestCommand(const CLI::App& app, const std::string& word) {
  std::string nearest;
  std::size_t least = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    const std::size_t distance = EditDistance(word, command->get_name());
    if (distance >= least) continue;
    least = distance;
    nearest = command->get_name();
  }
  return nearest;
}

}  // namespace

std::string UsageMessage(const CLI::App& app, const CLI::ParseError& error) {
  std::string path = app.get_name();
  const CLI::App* deepest = &app;
  while (!deepest->get_subcommands().empty()) {
    deepest = deepest->get_subcommands().back();
    absl::StrAppend(&path, " ", deepest->get_name());
  }
  std::string message = error.what();
  const bool has_commands = !deepest->get_subcommands([](const CLI::App*) { return true; }).empty();
  for (const std::string& word : app.remaining(/*recurse=*/true)) {
    if (!has_commands || absl::StartsWith(word, "-")) continue;
    message = absl::StrCat("\"", word, "\" is not a command of ", path);
    const std::string nearest = NearestCommand(*deepest, word);
    if (!nearest.empty()) absl::StrAppend(&message, "; did you mean `", path, " ", nearest, "`?");
    break;
  }
  return absl::StrCat(message, "\n  see: ", path, " --help");
}

std::string StoreFolder(const std::string& data) { return data + "/store"; }

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
  command.add_option("--brand", options.brand, "the listing's brand")->check(Utf8());
  command.add_option("--color", options.color, "the same as --attribute color=")->check(Utf8());
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
