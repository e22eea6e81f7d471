// Stores on one schema and one bucket, in this process and in processes of their own, and SQL
// behind their backs.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "google/protobuf/text_format.h"
#include "services/store/postgres/connection.h"
#include "tests/integration/process.h"
#include "tests/unit/store/store_contents.h"

namespace mannequin {

// mannequin-store as an operator runs it.
class StoreProcess {
 public:
  explicit StoreProcess(const config::v1::StoreConfig& engines) : address_(absl::StrCat("127.0.0.1:", FreePort())) {
    config::v1::StoreConfig config = engines;
    config.mutable_server()->set_listen(address_);
    std::string text;
    EXPECT_TRUE(google::protobuf::TextFormat::PrintToString(config, &text));
    path_ = folder_.Sub("config.textproto");
    EXPECT_TRUE(WriteFileAtomically(path_, text).ok());
    StartAgain();
  }
  void StartAgain() {
    process_ = std::make_unique<Process>(std::vector<std::string>{Binary("mannequin-store"), "--config", path_},
                                         folder_.path());
  }
  // False when it ends before it serves.
  bool IsServing() const {
    for (const absl::Time end = absl::Now() + absl::Seconds(60); absl::Now() < end;
         absl::SleepFor(absl::Milliseconds(20))) {
      if (absl::StrContains(words(), "serving on")) return true;
      if (!process_->IsRunning()) return false;
    }
    return false;
  }
  void Kill() {
    process_->Signal(SIGKILL);
    process_->Wait();
  }
  int Wait() { return process_->Wait(); }
  std::unique_ptr<ProductStore> Connect() const { return NewRemoteStore(rpc::NewChannel(address_)); }
  std::string words() const { return process_->output() + process_->errors(); }

 private:
  const TemporaryFolder folder_;
  const std::string address_;
  std::string path_;
  std::unique_ptr<Process> process_;
};

class PostgresSuite : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<config::v1::StoreConfig> engines = NewEngines();
    if (absl::IsNotFound(engines.status())) GTEST_SKIP() << engines.status().message();
    ASSERT_TRUE(engines.ok()) << engines.status();
    engines_ = *std::move(engines);
  }
  std::unique_ptr<PostgresStore> Open(const Clock& clock = Clock::Real()) const {
    return Must(PostgresStore::Open(engines_, clock));
  }
  store::Connection& sql() {
    if (sql_ == nullptr) {
      sql_ = Must(store::Connection::Open(engines_.postgres().connection(), engines_.postgres().schema()));
    }
    return *sql_;
  }
  void Execute(const std::string& statement) { ASSERT_EQ(absl::OkStatus(), sql().Execute(statement)) << statement; }
  std::int64_t Number(const std::string& query) {
    const absl::StatusOr<store::Result> found = sql().Run(query, {});
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() && found->rows() == 1 ? found->Int(0, 0) : -1;
  }
  std::string Word(const std::string& query) {
    const absl::StatusOr<store::Result> found = sql().Run(query, {});
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() && found->rows() == 1 ? std::string(found->Bytes(0, 0)) : "";
  }
  // What the server has logged of deadlocks, all tests' together.
  static std::string Deadlocks() {
    std::string deadlocks;
    bool is_one = false;
    for (const absl::string_view line : absl::StrSplit(EnginesPostgresServer().log(), '\n')) {
      if (absl::StrContains(line, "ERROR:")) is_one = absl::StrContains(line, "deadlock detected");
      if (is_one) absl::StrAppend(&deadlocks, line, "\n");
    }
    return deadlocks;
  }

  config::v1::StoreConfig engines_;

 private:
  std::unique_ptr<store::Connection> sql_;
};

// Runs `body` with each number below `count` at once.
inline void Together(int count, const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(body, i);
  for (std::thread& thread : threads) thread.join();
}

inline v1::FetchResult Fetched(const std::string& id, const std::string& url, const std::string& data) {
  v1::FetchResult result;
  result.set_product_id(id);
  result.set_url(url);
  result.set_attempts(1);
  if (data.empty()) {
    result.mutable_failure()->set_reason(v1::FETCH_FAILURE_NOT_AVAILABLE);
  } else {
    *result.mutable_image() = MakeImage(data);
    v1::Rendition& rendition = *result.add_renditions();
    rendition.set_side(64);
    rendition.set_data("small " + data);
  }
  return result;
}

}  // namespace mannequin
