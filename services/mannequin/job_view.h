// A job as the command line follows it.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "common/store/product_store.h"
#include "services/mannequin/terminal.h"

namespace mannequin {

// How far a job is, at `now`; where it does not say itself how long it will take, as its share and age say.
Progress JobProgress(const v1::Job& job, absl::Time now);

// Shows the job until it ends. Ctrl-C asks for its end when `cancel_on_interrupt`, else
// only leaves. Errors: what the job failed with; CANCELLED.
absl::StatusOr<v1::Job> WaitForJob(ProductStore& store, const std::string& id, ProgressLine& progress,
                                   bool cancel_on_interrupt);

// Seconds between the job's start and end.
double JobSeconds(const v1::Job& job);

// Job.progress as its own message.
template <typename Progress>
Progress ProgressOf(const v1::Job& job) {
  Progress progress;
  job.progress().UnpackTo(&progress);
  return progress;
}

// Enum value's name without its prefix, lower case: "not_found".
std::string ShortName(v1::FetchFailure failure);
std::string ShortName(v1::ImageState state);
std::string ShortName(v1::JobState state);
std::string ShortName(v1::JobKind kind);
std::string ShortName(v1::PlaceholderState state);
// As the reviewers know them: "ABUSE", "PROMOTIONAL_OVERLAY".
std::string VerdictName(v1::VerdictKind kind);
std::string ReasonName(v1::AbuseReason reason);

}  // namespace mannequin
