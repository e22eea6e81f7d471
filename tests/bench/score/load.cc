#include "tests/bench/score/load.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/rpc/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/impl/codegen/proto_utils.h"  // how a message is put on the wire

namespace mannequin {
namespace {

constexpr char kMethod[] = "/mannequin.v1.AbuseScorer/ScoreListing";

struct Call {
  grpc::ClientContext context;
  grpc::ByteBuffer response;
  absl::Time sent;
};

bool IsJudged(grpc::ByteBuffer& bytes) {
  v1::ScoreListingResponse response;
  return grpc::SerializationTraits<v1::ScoreListingResponse>::Deserialize(&bytes, &response).ok() &&
         !response.verdict().reasons().empty() && !response.verdict().cached();
}

}  // namespace

struct Load::Run {
  absl::Time end;
  std::atomic<std::size_t> next{0};
  absl::Mutex mutex;
  int open ABSL_GUARDED_BY(mutex) = 0;
  LoadResult result ABSL_GUARDED_BY(mutex);

  void Await() {
    absl::MutexLock lock(&mutex);
    const auto none = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return open == 0; };
    mutex.Await(absl::Condition(&none));
  }
  LoadResult Result(absl::Duration took) {
    absl::MutexLock lock(&mutex);
    result.seconds = absl::ToDoubleSeconds(took);
    std::sort(result.milliseconds.begin(), result.milliseconds.end());
    return std::move(result);
  }
};

double LoadResult::Quantile(double q) const {
  if (milliseconds.empty()) return 0;
  const auto at = static_cast<std::size_t>(q * static_cast<double>(milliseconds.size()));
  return milliseconds[std::min(milliseconds.size() - 1, at)];
}

Load::Load(const std::string& address, const std::vector<v1::ScoreListingRequest>& requests)
    : stub_(
          std::make_unique<grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer>>(rpc::NewChannel(address))) {
  for (const v1::ScoreListingRequest& request : requests) {
    const grpc::Slice slice(request.SerializeAsString());
    requests_.emplace_back(&slice, 1);
  }
}

void Load::Send(Run& run, absl::Duration deadline, bool again) {
  auto* call = new Call;  // deleted by its callback
  {
    absl::MutexLock lock(&run.mutex);
    ++run.open;
    ++run.result.sent;
  }
  call->sent = absl::Now();
  call->context.set_deadline(absl::ToChronoTime(call->sent + deadline));
  const grpc::ByteBuffer& request = requests_[run.next++ % requests_.size()];
  stub_->UnaryCall(&call->context, kMethod, grpc::StubOptions(), &request, &call->response,
                   [this, &run, deadline, again, call](grpc::Status status) {
                     const absl::Time now = absl::Now();
                     const bool judged = status.ok() && IsJudged(call->response);
                     if (again && now < run.end) Send(run, deadline, again);
                     absl::MutexLock lock(&run.mutex);
                     LoadResult& result = run.result;
                     if (judged) {
                       ++result.judged;
                       result.milliseconds.push_back(absl::ToDoubleMilliseconds(now - call->sent));
                     } else if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) {
                       ++result.refused;
                     } else if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
                       ++result.late;
                     } else {
                       ++result.failed;
                     }
                     delete call;
                     --run.open;
                   });
}

LoadResult Load::Closed(int callers, absl::Duration duration) {
  Run run;
  const absl::Time begin = absl::Now();
  run.end = begin + duration;
  for (int i = 0; i < callers; ++i) Send(run, absl::Seconds(30), true);
  run.Await();
  return run.Result(absl::Now() - begin);
}

LoadResult Load::Open(double per_second, absl::Duration deadline, absl::Duration duration) {
  Run run;
  const absl::Time begin = absl::Now();
  run.end = begin + duration;
  double due = 0, sent = 0;
  for (absl::Time now = begin; now < run.end; now = absl::Now()) {
    due = absl::ToDoubleSeconds(now - begin) * per_second;
    for (; sent < due; ++sent) Send(run, deadline, false);
    absl::SleepFor(absl::Milliseconds(1));
  }
  const absl::Duration took = absl::Now() - begin;
  run.Await();
  return run.Result(took);
}

}  // namespace mannequin
