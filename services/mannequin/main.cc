// The one binary: serves the suite and is its command line.
#include <iostream>
#include <string>

#include "common/base/log.h"
#include "common/rpc/server.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/terminal.h"
#include "services/trainer/training_process.h"

namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

void PrintError(const std::string& message) {
  std::cerr << mannequin::Painted("mannequin:", mannequin::Colour::kRed, STDERR_FILENO) << " " << message << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (const std::optional<int> status = mannequin::TrainingProcessMain(argc, argv)) return *status;
  mannequin::rpc::BlockSignals();  // before the first thread, so that one place waits for them
  CLI::App app;
  mannequin::Invocation invocation;
  mannequin::AddCommands(app, invocation);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    PrintError(mannequin::UsageMessage(app, error));
    return kUsage;
  }
  mannequin::config::v1::LogConfig log;
  log.set_level("warn");
  (void)mannequin::InitLog("mannequin", log);
  mannequin::WatchForInterrupt();
  absl::Status status = invocation.local ? invocation.ServeLocally() : absl::OkStatus();
  if (status.ok()) status = invocation.CheckConnection();
  if (status.ok()) status = invocation.run();
  if (status.ok()) return 0;
  PrintError(std::string(status.message()));
  return kFailed;
}
