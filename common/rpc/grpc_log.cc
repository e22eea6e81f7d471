#include "common/rpc/grpc_log.h"

#include <cstdlib>

#include "absl/base/call_once.h"
#include "absl/strings/match.h"
#include "grpc/support/log.h"
#include "spdlog/spdlog.h"

namespace mannequin::rpc {
namespace {

void Log(gpr_log_func_args* line) {
  const auto level = absl::StartsWith(line->message, "assertion failed") ? spdlog::level::critical
                     : line->severity == GPR_LOG_SEVERITY_ERROR          ? spdlog::level::info
                                                                         : spdlog::level::debug;
  spdlog::log(level, "grpc: {}", line->message);
}

}  // namespace

void LogGrpcAsOurs() {
  static absl::once_flag once;
  absl::call_once(once, [] {
    (void)spdlog::default_logger_raw();  // made before, so that it goes after what is registered now
    gpr_set_log_function(Log);
    std::atexit([] { gpr_set_log_function(nullptr); });
  });
}

}  // namespace mannequin::rpc
