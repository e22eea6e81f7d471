#include "common/rpc/audit_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "nlohmann/json.hpp"
#include "spdlog/spdlog.h"

namespace mannequin::rpc {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr char kStandardError[] = "-";
constexpr std::size_t kMaxIds = 10, kMaxIdBytes = 128;

// What names a record, a bundle, a folder of backups or who decided.
bool IsId(const FieldDescriptor& field) {
  if (field.type() != FieldDescriptor::TYPE_STRING) return false;
  const std::string& name = field.name();
  for (const char* whole : {"id", "ids", "version", "versions", "folder", "source", "reviewer", "sha256"}) {
    if (name == whole) return true;
  }
  return absl::EndsWith(name, "_id") || absl::EndsWith(name, "_ids") || absl::EndsWith(name, "_sha256");
}

void AddIds(const Message& message, const std::string& prefix, bool is_top, AuditIds* out) {
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    const int size = field.is_repeated()                    ? reflection.FieldSize(message, &field)
                     : !field.has_presence()                ? 1
                     : reflection.HasField(message, &field) ? 1
                                                            : 0;
    const std::string name = absl::StrCat(prefix, field.name());
    if (IsId(field)) {
      for (int k = 0; k < size; ++k) {
        std::string scratch;
        const std::string& value = field.is_repeated()
                                       ? reflection.GetRepeatedStringReference(message, &field, k, &scratch)
                                       : reflection.GetStringReference(message, &field, &scratch);
        std::vector<std::string>& kept = out->ids[name];
        if (kept.size() >= kMaxIds) break;
        if (!value.empty()) kept.push_back(value.substr(0, kMaxIdBytes));
      }
      if (out->ids[name].empty()) out->ids.erase(name);
      if (field.is_repeated() && size > 0) out->counts[name] += size;
    } else if (is_top && field.type() == FieldDescriptor::TYPE_MESSAGE && !field.is_map()) {
      if (field.is_repeated() && size > 0) out->counts[name] += size;
      for (int k = 0; k < size && k < static_cast<int>(kMaxIds); ++k) {
        AddIds(field.is_repeated() ? reflection.GetRepeatedMessage(message, &field, k)
                                   : reflection.GetMessage(message, &field),
               name + ".", false, out);
      }
    }
  }
}

}  // namespace

void AuditIds::Add(const Message& message) {
  ++messages;
  AddIds(message, "", true, this);
}

absl::StatusOr<std::unique_ptr<AuditLog>> AuditLog::Open(const std::string& file, const std::string& service) {
  auto log = std::make_unique<AuditLog>(file, service);
  absl::MutexLock lock(&log->mutex_);
  if (file == kStandardError) {
    log->fd_ = STDERR_FILENO;
  } else {
    RETURN_IF_ERROR(log->OpenAnew());
  }
  return log;
}

AuditLog::~AuditLog() {
  absl::MutexLock lock(&mutex_);
  if (fd_ > STDERR_FILENO) close(fd_);
}

absl::Status AuditLog::OpenAnew() {
  const int opened = open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (opened < 0) return absl::ErrnoToStatus(errno, absl::StrCat("audit_file: cannot open ", file_));
  if (fd_ > STDERR_FILENO) close(fd_);
  fd_ = opened;
  return absl::OkStatus();
}

absl::Status AuditLog::Append(const std::string& line) {
  if (file_ != kStandardError) {
    struct stat named {
    }, opened{};
    const bool is_same = stat(file_.c_str(), &named) == 0 && fstat(fd_, &opened) == 0 &&
                         named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
    if (!is_same) RETURN_IF_ERROR(OpenAnew());
  }
  std::size_t done = 0;
  while (done < line.size()) {
    const ssize_t n = write(fd_, line.data() + done, line.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return absl::ErrnoToStatus(errno, absl::StrCat("audit_file: cannot write ", file_));
    done += static_cast<std::size_t>(n);
  }
  return absl::OkStatus();
}

void AuditLog::Write(const AuditedCall& call, absl::Time now) {
  nlohmann::ordered_json line = {
      {"time", absl::FormatTime("%Y-%m-%d%ET%H:%M:%E3SZ", now, absl::UTCTimeZone())},
      {"audit", "call"},
      {"service", service_},
      {"caller", call.caller.name},
      {"role", call.caller.name.empty() ? "" : RoleName(call.caller.role)},
      {"peer", call.peer},
      {"method", call.method},
      {"ids", call.ids.ids},
  };
  if (!call.ids.counts.empty()) line["counts"] = call.ids.counts;
  line["messages"] = call.ids.messages;
  line["status"] = absl::StatusCodeToString(call.code);
  if (const auto& ids = CurrentCall()) {
    line["request_id"] = ids->request_id;
    line["trace_id"] = ids->trace_id;
  }
  const std::string text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  absl::MutexLock lock(&mutex_);
  if (const absl::Status status = Append(text); !status.ok()) {
    spdlog::error("{}; the line was: {}", std::string(status.message()), text);
  }
}

}  // namespace mannequin::rpc
