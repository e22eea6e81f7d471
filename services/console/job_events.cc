#include "services/console/job_events.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/base/steady.h"
#include "common/rpc/status.h"
#include "common/store/job_state.h"
#include "mannequin/v1/product_store.grpc.pb.h"
#include "services/console/call_terms.h"
#include "services/console/connect.h"
#include "services/console/gateway.h"

namespace mannequin {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(10);

}  // namespace

absl::StatusOr<v1::Job> JobEvents::GetJob() const {
  grpc::ClientContext context;
  SetTerms({WallNow() + kTimeout, authorization_}, context);
  v1::GetJobRequest request;
  request.set_id(job_id_);
  v1::GetJobResponse response;
  RETURN_IF_ERROR(rpc::FromGrpc(v1::ProductStore::NewStub(store_)->GetJob(&context, request, &response)));
  if (kind_ != v1::JOB_KIND_UNSPECIFIED && response.job().kind() != kind_) {
    return absl::NotFoundError(absl::StrCat("job \"", job_id_, "\" is a ", v1::JobKind_Name(response.job().kind()),
                                            ", not a ", v1::JobKind_Name(kind_)));
  }
  return std::move(*response.mutable_job());
}

std::string JobEvents::Next() {
  absl::StatusOr<v1::Job> job = GetJob();
  absl::StatusOr<std::string> json = job.ok() ? ToJson(*job) : job.status();
  if (!json.ok()) {
    ended_ = true;
    return absl::StrCat("event: problem\ndata: ", ConnectErrorJson(json.status()), "\n\n");
  }
  ended_ = HasEnded(job->state());
  if (*json == last_) return ": same\n\n";
  last_ = *json;
  return absl::StrCat("event: job\ndata: ", *json, "\n\n");
}

}  // namespace mannequin
