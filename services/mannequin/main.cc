// The one binary: serves the suite and is its command line.
#include <cstdio>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/rpc/server.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/terminal.h"
#include "services/trainer/training_process.h"

namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

}  // namespace

int main(int argc, char** argv) {
  if (const std::optional<int> status = mannequin::TrainingProcessMain(argc, argv)) return *status;
  mannequin::rpc::BlockSignals();  // before the first thread, so that one place waits for them
  CLI::App app("Mannequin: finds abused product images and fills in missing ones", "mannequin");
  app.require_subcommand(1);
  app.fallthrough();
  mannequin::Invocation invocation;
  app.add_option("--server", invocation.server, "HOST:PORT of a running suite")->capture_default_str();
  app.add_option("--output", invocation.output, "text for people, json for programs")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  mannequin::AddConnectionOptions(app, invocation);
  mannequin::AddServeCommands(app, invocation);
  mannequin::AddDemoCommand(app, invocation);
  mannequin::AddIngestCommand(app, invocation);
  mannequin::AddCrawlCommand(app, invocation);
  mannequin::AddExportCommand(app, invocation);
  mannequin::AddOperationsCommands(app, invocation);
  mannequin::AddEmbedCommands(app, invocation);
  mannequin::AddTrainCommands(app, invocation);
  mannequin::AddModelCommands(app, invocation);
  mannequin::AddGenerateCommands(app, invocation);
  mannequin::AddPlaceholderCommands(app, invocation);
  mannequin::AddScoreCommands(app, invocation);
  mannequin::AddTokenCommand(app, invocation);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  mannequin::config::v1::LogConfig log;
  log.set_level("warn");
  (void)mannequin::InitLog("mannequin", log);
  mannequin::WatchForInterrupt();
  absl::Status status = invocation.local ? invocation.ServeLocally() : absl::OkStatus();
  if (status.ok()) status = invocation.CheckConnection();
  if (status.ok()) status = invocation.run();
  if (status.ok()) return 0;
  std::cerr << "mannequin: " << status.message() << "\n";
  return kFailed;
}
