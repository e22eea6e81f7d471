// The audit log: one JSON object a line for each call that changes something, and for each
// that was refused because its caller may not.
//
//   {"time":"2026-11-30T01:02:03.456Z","audit":"call","service":"store","caller":"ana","role":"operator",
//    "peer":"ipv4:10.0.0.7:51234","method":"mannequin.v1.GanTrainer/PromoteBundle","ids":{"version":["b-7"]},
//    "messages":1,"status":"OK","request_id":"01J...","trace_id":"4bf9..."}
//
// Written before the call's answer goes out. What is in it besides names and ids of records comes
// from us: never a token, a title or a picture.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/call_ids.h"
#include "common/rpc/access_control.h"
#include "google/protobuf/message.h"

namespace mannequin::rpc {

// The ids in a call's messages, by the fields' names: "product_id", "products.id". At most 10 of
// each field, of at most 128 bytes; lists of records are counted whole.
struct AuditIds {
  std::map<std::string, std::vector<std::string>> ids;
  std::map<std::string, long long> counts;
  int messages = 0;

  void Add(const google::protobuf::Message& message);
};

struct AuditedCall {
  Caller caller;     // without a name: nobody was asked for one
  std::string peer;  // as gRPC writes addresses; may be empty
  std::string method;
  AuditIds ids;
  absl::StatusCode code = absl::StatusCode::kOk;
};

// Thread-safe.
class AuditLog {
 public:
  // `file` is appended to, and made for its owner alone; when it was renamed or deleted by whatever
  // rotates logs, the next line makes it anew. "-": standard error. The error of opening it.
  static absl::StatusOr<std::unique_ptr<AuditLog>> Open(const std::string& file, const std::string& service);
  ~AuditLog();

  // With the ids of the thread's call. A line that cannot be written goes to the log, with the reason.
  void Write(const AuditedCall& call, absl::Time now);

  AuditLog(std::string file, std::string service) : file_(std::move(file)), service_(std::move(service)) {}

 private:
  absl::Status OpenAnew() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Append(const std::string& line) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string file_;
  const std::string service_;
  absl::Mutex mutex_;
  int fd_ ABSL_GUARDED_BY(mutex_) = -1;
};

}  // namespace mannequin::rpc
