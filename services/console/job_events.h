// A job's progress as server-sent events, for a browser's EventSource.
//
//   event: job
//   data: {"id":"job-...","state":"JOB_STATE_RUNNING","done":0.4,"progress":{...}}
//
// One event whenever the job has changed, and a comment when it has not, so that a gone
// browser is noticed. The last event is the job's end; an error comes as
// `event: problem` with the Connect error as data.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "mannequin/v1/job.pb.h"

namespace mannequin {

// Not thread-safe: one a browser connection.
class JobEvents {
 public:
  // JOB_KIND_UNSPECIFIED watches a job of any kind. `authorization` as in CallTerms.
  JobEvents(std::shared_ptr<grpc::Channel> store, std::string job_id, v1::JobKind kind, std::string authorization)
      : store_(std::move(store)), job_id_(std::move(job_id)), kind_(kind), authorization_(std::move(authorization)) {}

  // The next bytes for the stream. Asks the store; does not wait in between.
  std::string Next();
  // Nothing follows: the job ended or cannot be read.
  bool ended() const { return ended_; }

 private:
  absl::StatusOr<v1::Job> GetJob() const;

  std::shared_ptr<grpc::Channel> store_;
  std::string job_id_;
  v1::JobKind kind_;
  const std::string authorization_;
  std::string last_;
  bool ended_ = false;
};

}  // namespace mannequin
