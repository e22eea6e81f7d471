// A service that the scorer asks now and then, and does without while it is away.
//
//   NeighbourService<v1::TextEmbedder> embedder("embedder", config.embedder());
//   if (const auto stub = embedder.stub()) { ... return embedder.Says(status); }
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/rpc/channel.h"
#include "grpcpp/channel.h"
#include "grpcpp/support/status.h"

namespace mannequin {

// Thread-safe.
template <typename Service>
class NeighbourService {
 public:
  // `name` is also its key in the scorer's configuration. An empty address: there is none.
  NeighbourService(std::string name, const std::string& address, const config::v1::ClientConfig& client = {})
      : name_(std::move(name)) {
    if (!address.empty()) Reach(rpc::NewChannel(address, client), address);
  }

  // From now on it is reached by `channel`.
  void Reach(std::shared_ptr<grpc::Channel> channel, const std::string& address) {
    absl::MutexLock lock(&mutex_);
    stub_ = Service::NewStub(channel);
    channel_ = std::move(channel);
    address_ = address;
  }

  // Null when there is none.
  std::shared_ptr<typename Service::StubInterface> stub() const {
    absl::MutexLock lock(&mutex_);
    return stub_;
  }

  // Whether the last try to connect failed and the next is not due: a call would only wait.
  bool IsAway() const {
    absl::MutexLock lock(&mutex_);
    return channel_ != nullptr && channel_->GetState(true) == GRPC_CHANNEL_TRANSIENT_FAILURE;
  }

  // "this scorer knows no embedder; set `embedder` in its configuration".
  std::string None() const {
    return absl::StrCat("this scorer knows no ", name_, "; set `", name_, "` in its configuration");
  }
  // "the embedder at 10.0.0.7:8603 is UNAVAILABLE: it cannot be reached".
  std::string Away() const { return absl::StrCat(Where(), " is UNAVAILABLE: it cannot be reached"); }
  // "the embedder at 10.0.0.7:8603 says FAILED_PRECONDITION: ...".
  std::string Says(const grpc::Status& status) const {
    const auto code = static_cast<absl::StatusCode>(status.error_code());
    // It waited for a connection that there was none of.
    if (code == absl::StatusCode::kDeadlineExceeded && IsAway()) return Away();
    return absl::StrCat(Where(), code == absl::StatusCode::kUnavailable ? " is " : " says ",
                        absl::StatusCodeToString(code), ": ", status.error_message());
  }

 private:
  std::string Where() const {
    absl::MutexLock lock(&mutex_);
    return absl::StrCat("the ", name_, " at ", address_);
  }

  const std::string name_;
  mutable absl::Mutex mutex_;
  std::shared_ptr<grpc::Channel> channel_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<typename Service::StubInterface> stub_ ABSL_GUARDED_BY(mutex_);
  std::string address_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mannequin
