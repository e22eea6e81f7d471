#include "tests/unit/store/bucket/s3_server.h"

#include <httplib.h>
#include <sys/xattr.h>

#include <filesystem>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"

namespace mannequin {
namespace {

namespace fs = std::filesystem;

constexpr char kAccessKey[] = "mannequin-test";
constexpr char kSecretKey[] = "not-a-secret";
constexpr int kNotToBeHad = 77;
// Another process may take the port between FreePort() and the server.
constexpr int kPorts = 3;

absl::StatusOr<std::string> Program(const std::string& folder) {
  Process script({MANNEQUIN_VERSITYGW}, folder);
  const int code = script.Wait();
  const std::string words(absl::StripAsciiWhitespace(script.errors()));
  if (code == kNotToBeHad) return absl::NotFoundError(words);
  if (code != 0) return absl::InternalError(absl::StrCat(MANNEQUIN_VERSITYGW, " ends with ", code, ": ", words));
  return std::string(absl::StripAsciiWhitespace(script.output()));
}

}  // namespace

S3Server::S3Server(std::string program, std::string folder)
    : program_(std::move(program)), folder_(std::move(folder)), credentials_file_(folder_ + "/credentials") {}

S3Server::~S3Server() {
  Stop();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

absl::StatusOr<std::unique_ptr<S3Server>> S3Server::Start() {
  ASSIGN_OR_RETURN(std::string folder, MakeTemporaryFolder("s3-server"));
  absl::StatusOr<std::string> program = Program(folder);
  auto server = std::make_unique<S3Server>(program.value_or(""), std::move(folder));
  RETURN_IF_ERROR(program.status());
  for (const char* part : {"/buckets", "/metadata"}) fs::create_directory(server->folder_ + part);
  RETURN_IF_ERROR(WriteFileAtomically(
      server->credentials_file_,
      absl::StrCat("[default]\naws_access_key_id = ", kAccessKey, "\naws_secret_access_key = ", kSecretKey, "\n")));
  absl::Status status;
  for (int i = 0; i < kPorts; ++i) {
    server->port_ = FreePort();
    status = server->StartAgain();
    if (status.ok()) return server;
  }
  return status;
}

absl::Status S3Server::StartAgain() {
  std::vector<std::string> command = {program_,       "--port",   absl::StrCat("127.0.0.1:", port_),
                                      "--access",     kAccessKey, "--secret",
                                      kSecretKey,     "--health", "/health",
                                      "--keep-alive", "--quiet",  "posix"};
  // Metadata in files costs two thirds of the speed, but not every file system has extended attributes.
  const std::string buckets = folder_ + "/buckets";
  if (setxattr(buckets.c_str(), "user.mannequin", "1", 1, 0) != 0) {
    command.insert(command.end(), {"--sidecar", folder_ + "/metadata"});
  }
  command.push_back(buckets);
  process_ = std::make_unique<Process>(command, folder_);
  return WaitUntilItAnswers();
}

void S3Server::Stop() { process_.reset(); }

absl::Status S3Server::WaitUntilItAnswers() {
  httplib::Client client("127.0.0.1", port_);
  for (const absl::Time end = absl::Now() + absl::Seconds(30); absl::Now() < end;
       absl::SleepFor(absl::Milliseconds(10))) {
    if (const httplib::Result result = client.Get("/health"); result && result->status == 200) return absl::OkStatus();
  }
  return absl::DeadlineExceededError(
      absl::StrCat("versitygw does not answer: ", process_->errors(), process_->output()));
}

config::v1::BucketConfig S3Server::config(const std::string& name) const {
  config::v1::BucketConfig config;
  config.set_endpoint(absl::StrCat("http://127.0.0.1:", port_));
  config.set_name(name);
  config.set_credentials_file(credentials_file_);
  return config;
}

std::string S3Server::FileOf(const std::string& bucket, const std::string& key) const {
  return absl::StrCat(folder_, "/buckets/", bucket, "/", key);
}

}  // namespace mannequin
