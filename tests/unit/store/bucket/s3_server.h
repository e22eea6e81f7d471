// A real S3 server for a test: versitygw on a folder of its own, on 127.0.0.1.
//
//   absl::StatusOr<std::unique_ptr<S3Server>> server = S3Server::Start();
//   if (absl::IsNotFound(server.status())) GTEST_SKIP() << server.status().message();
//   auto bucket = Bucket::Open((*server)->config("pictures"));
//
// The first Start() on a machine builds it, some minutes: TIMEOUT 900 for such a test. Not for faults of a server:
// scripted_server.h says what it is told to.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "mannequin/config/v1/config.pb.h"
#include "tests/integration/process.h"

namespace mannequin {

class S3Server {
 public:
  // NOT_FOUND with the reason when it is not to be had on this machine (tests/system/versitygw.sh).
  static absl::StatusOr<std::unique_ptr<S3Server>> Start();
  // Kills it; its folder goes.
  ~S3Server();
  S3Server(const S3Server&) = delete;
  S3Server& operator=(const S3Server&) = delete;

  // Of a bucket that need not be there, with credentials that may do all.
  config::v1::BucketConfig config(const std::string& name) const;
  // The object's file, for damage: what is there now is what the server reads.
  std::string FileOf(const std::string& bucket, const std::string& key) const;
  const std::string& credentials_file() const { return credentials_file_; }

  // Kills it, so that connections are refused; what was put stays.
  void Stop();
  // After Stop(): at the same address.
  absl::Status StartAgain();

  S3Server(std::string program, std::string folder);

 private:
  absl::Status WaitUntilItAnswers();

  const std::string program_;
  const std::string folder_;
  const std::string credentials_file_;
  int port_ = 0;
  std::unique_ptr<Process> process_;
};

}  // namespace mannequin
