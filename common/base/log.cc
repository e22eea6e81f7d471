#include "common/base/log.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/call_ids.h"
#include "nlohmann/json.hpp"
#include "spdlog/pattern_formatter.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

// %* : the message as a JSON string, quotes included.
class JsonMessage : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string text = nlohmann::json(std::string(message.payload.begin(), message.payload.end()))
                                 .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JsonMessage>(); }
};

// %&: the ids of the call that the line belongs to, as text or as JSON fields; nothing without one.
class CallOfLine : public spdlog::custom_flag_formatter {
 public:
  explicit CallOfLine(bool json) : json_(json) {}
  void format(const spdlog::details::log_msg&, const std::tm&, spdlog::memory_buf_t& out) override {
    const auto& call = CurrentCall();
    if (call == nullptr) return;
    const std::string text = json_ ? absl::StrCat(R"("request_id":")", call->request_id, R"(","trace_id":")",
                                                  call->trace_id, R"(","span_id":")", call->span_id, "\",")
                                   : absl::StrCat(" [", call->request_id, "]");
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<CallOfLine>(json_); }

 private:
  const bool json_;
};

}  // namespace

absl::Status InitLog(absl::string_view service, const config::v1::LogConfig& config) {
  const std::string level = config.level().empty() ? "info" : config.level();
  if (level != "debug" && level != "info" && level != "warn" && level != "error") {
    return absl::InvalidArgumentError(
        absl::StrCat("log.level: \"", level, "\" is not one of debug, info, warn, error"));
  }
  auto logger =
      std::make_shared<spdlog::logger>(std::string(service), std::make_shared<spdlog::sinks::stderr_sink_mt>());
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<JsonMessage>('*').add_flag<CallOfLine>('&', config.json());
  formatter->set_pattern(
      config.json() ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","service":"%n","thread":%t,%&"message":%*})"
                    : "%Y-%m-%d %H:%M:%S.%e %L %n%&: %v");
  logger->set_formatter(std::move(formatter));
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
  return absl::OkStatus();
}

}  // namespace mannequin
