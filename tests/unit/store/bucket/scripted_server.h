// A server that says what a test tells it to: faults that a real one has only on bad days.
//
//   ScriptedServer server;
//   server.Say("GET /pictures/a", {{.status = 503, .body = ErrorXml("SlowDown")}, Picture("bytes")});
//   ScriptedTime time;
//   auto bucket = Bucket::Open(server.config(), time.bucket_time());
//   EXPECT_EQ(server.Seen("GET /pictures/a"), 2);
//
// The bucket "pictures" is there and empty, unless told otherwise. It checks no signature: s3_server.h does.
#pragma once

#include <httplib.h>

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/sha256.h"
#include "mannequin/config/v1/config.pb.h"
#include "services/store/bucket/bucket_time.h"

namespace mannequin::store {

struct Scripted {
  int status = 200;
  std::string body = {};
  std::multimap<std::string, std::string> headers = {};
  // So many bytes fewer than its Content-Length says, then the connection is closed.
  std::size_t missing = 0;
};

inline std::string ErrorXml(const std::string& code, const std::string& rest = "") {
  return absl::StrCat("<?xml version=\"1.0\"?>\n<Error><Code>", code, "</Code><Message>said so</Message>", rest,
                      "</Error>");
}

// As it comes back when it was put.
inline Scripted Picture(const std::string& bytes) {
  return {.body = bytes, .headers = {{"x-amz-meta-sha256", Sha256Hex(bytes)}}};
}

// Thread-safe.
class ScriptedServer {
 public:
  // With a certificate's and a key's file it speaks TLS.
  explicit ScriptedServer(const std::string& pem = "", const std::string& key = "")
      : tls_(!pem.empty()),
        http_(tls_ ? std::make_unique<httplib::SSLServer>(pem.c_str(), key.c_str())
                   : std::make_unique<httplib::Server>()) {
    Say("GET /pictures", {{.body = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"}});
    http_->new_task_queue = [] { return new httplib::ThreadPool(64); };  // cpp-httplib deletes it
    http_->set_keep_alive_max_count(1'000'000);
    http_->set_tcp_nodelay(true);
    const auto answer = [this](const httplib::Request& request, httplib::Response& response) {
      Answer(request, response);
    };
    http_->Get(".*", answer).Put(".*", answer).Post(".*", answer).Delete(".*", answer);  // Get() takes HEAD too
    port_ = http_->bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { http_->listen_after_bind(); });
    // stop() before the accept loop runs would be lost.
    while (!http_->is_running()) std::this_thread::yield();
  }
  ~ScriptedServer() {
    http_->stop();
    thread_.join();
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::string origin() const { return absl::StrCat(tls_ ? "https" : "http", "://127.0.0.1:", port_); }
  config::v1::BucketConfig config(const std::string& credentials_file) const {
    config::v1::BucketConfig config;
    config.set_endpoint(origin());
    config.set_name("pictures");
    config.set_credentials_file(credentials_file);
    return config;
  }

  // To requests of "METHOD /path?query", or of "METHOD /path" with any query, one after the other; the last goes on.
  // Others are answered with 404 NoSuchKey.
  void Say(const std::string& request, std::vector<Scripted> answers) {
    absl::MutexLock lock(&mutex_);
    answers_[request] = std::move(answers);
  }
  // How many requests began so.
  int Seen(const std::string& request) const {
    absl::MutexLock lock(&mutex_);
    int seen = 0;
    for (const std::string& one : seen_) seen += one.rfind(request, 0) == 0;
    return seen;
  }
  // Of the last request.
  httplib::Request last() const {
    absl::MutexLock lock(&mutex_);
    return last_;
  }
  // That requests came over.
  std::size_t connections() const {
    absl::MutexLock lock(&mutex_);
    return ports_.size();
  }

 private:
  void Answer(const httplib::Request& request, httplib::Response& response) {
    Scripted answer = {.status = 404, .body = ErrorXml("NoSuchKey")};
    {
      absl::MutexLock lock(&mutex_);
      seen_.push_back(absl::StrCat(request.method, " ", request.target));
      ports_.insert(request.remote_port);
      last_ = request;
      auto found = answers_.find(seen_.back());
      if (found == answers_.end()) found = answers_.find(absl::StrCat(request.method, " ", request.path));
      if (found != answers_.end()) {
        std::vector<Scripted>& answers = found->second;
        answer = answers.front();
        if (answers.size() > 1) answers.erase(answers.begin());
      }
    }
    response.status = answer.status;
    for (const auto& [name, value] : answer.headers) response.set_header(name, value);
    if (answer.missing == 0) {
      response.set_content(answer.body, "application/octet-stream");
      return;
    }
    response.set_content_provider(answer.body.size(), "application/octet-stream",
                                  [answer](std::size_t offset, std::size_t, httplib::DataSink& sink) {
                                    if (offset == 0)
                                      sink.write(answer.body.data(), answer.body.size() - answer.missing);
                                    return offset == 0;
                                  });
  }

  const bool tls_;
  const std::unique_ptr<httplib::Server> http_;
  int port_ = 0;
  mutable absl::Mutex mutex_;
  std::map<std::string, std::vector<Scripted>> answers_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> seen_ ABSL_GUARDED_BY(mutex_);
  std::set<int> ports_ ABSL_GUARDED_BY(mutex_);
  httplib::Request last_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

// Pauses take no time, but move the clock.
class ScriptedTime {
 public:
  BucketTime bucket_time() {
    return {.clock = &clock_, .pause = [this](absl::Duration pause) {
              clock_.Advance(pause);
              absl::MutexLock lock(&mutex_);
              pauses_.push_back(pause);
            }};
  }
  ManualClock& clock() { return clock_; }
  std::vector<absl::Duration> pauses() const {
    absl::MutexLock lock(&mutex_);
    return pauses_;
  }

 private:
  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  mutable absl::Mutex mutex_;
  std::vector<absl::Duration> pauses_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mannequin::store
