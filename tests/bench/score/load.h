// Loads a scorer over gRPC with requests that were put into bytes beforehand: callers that each wait
// for their answer, or a rate that waits for nobody. By gRPC's callbacks, so that many callers
// cost the machine that they share with the scorer little.
//
//   Load load(address, requests);
//   LoadResult result = load.Closed(16, absl::Seconds(8));
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"
#include "mannequin/v1/abuse_scorer.pb.h"

namespace mannequin {

struct LoadResult {
  double seconds = 0;
  int sent = 0;
  int judged = 0;                    // answered with a verdict of a network
  int refused = 0;                   // RESOURCE_EXHAUSTED
  int late = 0;                      // DEADLINE_EXCEEDED
  int failed = 0;                    // any other answer
  std::vector<double> milliseconds;  // of the judged, sorted

  double PerSecond() const { return seconds > 0 ? judged / seconds : 0; }
  double Quantile(double q) const;  // 0 without any
};

// Used by one thread.
class Load {
 public:
  Load(const std::string& address, const std::vector<v1::ScoreListingRequest>& requests);

  // `callers` at a time, each with the next of the requests in turn as soon as it has its answer.
  LoadResult Closed(int callers, absl::Duration duration);
  // `per_second` requests, evenly, each with `deadline` from when it is sent.
  LoadResult Open(double per_second, absl::Duration deadline, absl::Duration duration);

 private:
  struct Run;
  void Send(Run& run, absl::Duration deadline, bool again);

  std::vector<grpc::ByteBuffer> requests_;
  std::unique_ptr<grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer>> stub_;
};

}  // namespace mannequin
