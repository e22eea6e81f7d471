#include "common/rpc/service_main.h"

#include <map>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/base/text_config.h"
#include "common/rpc/server.h"
#include "common/rpc/tls.h"
#include "spdlog/spdlog.h"

namespace mannequin::rpc {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr int kFailed = 1, kUsage = 2;

// Flags by the field that they set.
using Flags = std::map<const FieldDescriptor*, std::string>;

void AddFlags(const google::protobuf::Descriptor& message, CLI::App& app, Flags& flags) {
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor* field = message.field(i);
    if (field->is_repeated() || field->type() != FieldDescriptor::TYPE_STRING) continue;
    app.add_option(absl::StrCat("--", absl::StrReplaceAll(field->name(), {{"_", "-"}})), flags[field],
                   absl::StrCat("over the file's `", field->name(), "`"));
  }
}

void SetFlags(const Flags& flags, Message* message) {
  for (const auto& [field, value] : flags) {
    if (field->containing_type() == message->GetDescriptor() && !value.empty()) {
      message->GetReflection()->SetString(message, field, value);
    }
  }
}

// The message in `name`, or nullptr when there is no such field.
Message* Part(Message* message, const char* name) {
  const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(name);
  return field == nullptr ? nullptr : message->GetReflection()->MutableMessage(message, field);
}

absl::Status CheckRequired(const Message& config, const std::vector<std::string>& required) {
  for (const std::string& name : required) {
    const FieldDescriptor* field = config.GetDescriptor()->FindFieldByName(name);
    if (config.GetReflection()->GetString(config, field).empty()) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": empty; give it in the --config file or as --",
                                                     absl::StrReplaceAll(name, {{"_", "-"}})));
    }
  }
  return absl::OkStatus();
}

}  // namespace

int ServiceMain(int argc, char** argv, const ServiceDescription& service, Message* config,
                const std::function<absl::Status()>& serve) {
  BlockSignals();
  CLI::App app(service.description, absl::StrCat("mannequin-", service.name));
  std::string file;
  app.add_option("--config", file, absl::StrCat(config->GetDescriptor()->name(), " in protobuf text format"));
  Flags flags;
  AddFlags(*config->GetDescriptor(), app, flags);
  Message* server = Part(config, "server");
  if (server != nullptr) {
    for (const char* name : {"listen", "admin_listen"}) {
      const FieldDescriptor* field = server->GetDescriptor()->FindFieldByName(name);
      app.add_option(absl::StrCat("--", absl::StrReplaceAll(name, {{"_", "-"}})), flags[field],
                     absl::StrCat("HOST:PORT, over the file's `server.", name, "`"));
    }
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  const auto run = [&]() -> absl::Status {
    RETURN_IF_ERROR(InitLog(service.name, {}));  // until the configuration says how
    if (!file.empty()) RETURN_IF_ERROR(ReadTextConfig(file, config));
    SetFlags(flags, config);
    server = Part(config, "server");  // reading may have put another in its place
    if (server != nullptr) SetFlags(flags, server);
    RETURN_IF_ERROR(CheckRequired(*config, service.required));
    const Message* log = Part(server != nullptr ? server : config, "log");
    RETURN_IF_ERROR(InitLog(service.name, static_cast<const config::v1::LogConfig&>(*log)));
    if (const Message* client = Part(config, "client"); client != nullptr) {
      RETURN_IF_ERROR(CheckClient(static_cast<const config::v1::ClientConfig&>(*client)));
    }
    return serve();
  };
  const absl::Status status = run();
  if (status.ok()) return 0;
  spdlog::error("mannequin-{}: {}", service.name, std::string(status.message()));
  return kFailed;
}

}  // namespace mannequin::rpc
