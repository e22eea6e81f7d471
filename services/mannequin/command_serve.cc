// up: every service and the console in one process.
#include <cstdio>

#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/base/text_config.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/suite.h"
#include "services/mannequin/terminal.h"

namespace mannequin {
namespace {

// Puts the file's server into the options. What was given by a flag goes over it.
absl::Status ReadServerConfig(const std::string& file, const CLI::App& up, SuiteOptions& options,
                              config::v1::LogConfig& log) {
  RETURN_IF_ERROR(ReadTextConfig(file, &options.server));
  const config::v1::ServerConfig& server = options.server;
  if (!server.listen().empty() && up.count("--listen") == 0) options.listen = server.listen();
  if (!server.admin_listen().empty() && up.count("--admin-listen") == 0) options.admin_listen = server.admin_listen();
  const config::v1::LogConfig flags = log;
  log = server.log();
  log.MergeFrom(flags);
  return absl::OkStatus();
}

absl::Status Up(Invocation& invocation, const SuiteOptions& options, const config::v1::LogConfig& log) {
  RETURN_IF_ERROR(InitLog("mannequin", log));
  ASSIGN_OR_RETURN(const std::unique_ptr<Suite> suite, Suite::Start(options));
  if (invocation.json()) {
    PrintJson({{"server", suite->address()},
               {"admin", suite->admin_address()},
               {"console", suite->console_address()},
               {"data", options.data}});
  } else {
    std::printf("services  %s\nadmin     http://%s/metrics\nconsole   http://%s/\ndata      %s\n",
                suite->address().c_str(), suite->admin_address().c_str(), suite->console_address().c_str(),
                options.data.c_str());
  }
  std::fflush(stdout);
  WaitForInterrupt();
  suite->Stop();
  return absl::OkStatus();
}

void AddBackupOptions(CLI::App& up, const std::shared_ptr<SuiteOptions>& options) {
  options->backup.set_every_minutes(24 * 60);
  CLI::Option* folder = up.add_option_function<std::string>(
      "--backup-folder", [options](const std::string& name) { options->backup.set_folder(name); },
      "back the store up into this folder, best on another disk (no backups)");
  folder->type_name("DIR");
  up.add_option_function<int>(
        "--backup-every", [options](int minutes) { options->backup.set_every_minutes(minutes); },
        "minutes between backups (1440)")
      ->needs(folder);
  up.add_option_function<int>(
        "--backup-keep", [options](int backups) { options->backup.set_keep(backups); }, "backups that stay (7)")
      ->needs(folder);
}

}  // namespace

void AddServeCommands(CLI::App& app, Invocation& invocation) {
  const auto options = std::make_shared<SuiteOptions>();
  const auto log = std::make_shared<config::v1::LogConfig>();
  CLI::App* up =
      app.add_subcommand("up", "every service and the console in one process\n  mannequin up --data catalogue");
  options->data = "data";
  up->add_option("--data", options->data, "folder of the store, bundles and trainings")
      ->type_name("DIR")
      ->capture_default_str();
  up->add_option("--listen", options->listen, "gRPC services")->capture_default_str();
  up->add_option("--admin-listen", options->admin_listen, "health and metrics; \"\" for none")->capture_default_str();
  up->add_option("--console-listen", options->console_listen, "web page and JSON; \"\" for none")
      ->capture_default_str();
  up->add_option("--console-token-file", options->console_token_file,
                 "file with a token that the console then asks for (none)");
  up->add_option("--allow-address", options->allow_addresses,
                 "private range that images may be fetched from, CIDR or CIDR:PORT; repeatable");
  up->add_option("--device", options->device, "cpu or cuda:N (CUDA when there is one)");
  options->shipped_bundle = true;
  up->add_flag_function(
      "--no-shipped-bundle", [options](std::int64_t) { options->shipped_bundle = false; },
      "where no bundle was promoted yet, begin without the one that comes with this program");
  AddBackupOptions(*up, options);
  up->add_option_function<std::string>(
        "--log-level", [log](const std::string& level) { log->set_level(level); }, "of what is logged (info)")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  up->add_flag_function(
      "--log-json", [log](std::int64_t) { log->set_json(true); }, "log as JSON, a line each");
  const auto server_config = std::make_shared<std::string>();
  up->add_option("--server-config", *server_config,
                 "ServerConfig in protobuf text format: TLS, who may call what, the audit log (plain text, everybody)")
      ->type_name("FILE");
  up->callback([&invocation, options, log, server_config, up] {
    invocation.run = [&invocation, options, log, server_config, up]() -> absl::Status {
      if (!server_config->empty()) RETURN_IF_ERROR(ReadServerConfig(*server_config, *up, *options, *log));
      return Up(invocation, *options, *log);
    };
  });
}

}  // namespace mannequin
