#include "services/store/bucket/credentials.h"

#include <algorithm>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "spdlog/spdlog.h"

namespace mannequin::store {
namespace {

constexpr char kField[] = "bucket.credentials_file";

// They become header lines.
bool IsPrintable(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); });
}

absl::Status Check(const Credentials& credentials, absl::string_view id, absl::string_view secret,
                   absl::string_view token, absl::string_view name) {
  if (credentials.access_key_id.empty()) return absl::InvalidArgumentError(absl::StrCat(name, ": no ", id));
  if (credentials.secret_access_key.empty()) return absl::InvalidArgumentError(absl::StrCat(name, ": no ", secret));
  if (!IsPrintable(credentials.access_key_id)) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": ", id, ": not only printable characters"));
  }
  if (!IsPrintable(credentials.secret_access_key)) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": ", secret, ": not only printable characters"));
  }
  if (!IsPrintable(credentials.session_token)) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": ", token, ": not only printable characters"));
  }
  return absl::OkStatus();
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

absl::StatusOr<Credentials> CredentialsOfFile(const std::string& file) {
  absl::StatusOr<std::string> text = ReadFile(file);
  if (!text.ok()) return absl::Status(text.status().code(), absl::StrCat(kField, ": ", text.status().message()));
  return ParseCredentials(*text, absl::StrCat(kField, ": ", file));
}

}  // namespace

absl::StatusOr<Credentials> ParseCredentials(absl::string_view text, absl::string_view name) {
  Credentials credentials;
  bool found = false;
  bool within = false;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      within = line.back() == ']' && absl::StripAsciiWhitespace(line.substr(1, line.size() - 2)) == "default";
      found = found || within;
      continue;
    }
    if (!within) continue;
    const std::pair<absl::string_view, absl::string_view> setting = absl::StrSplit(line, absl::MaxSplits('=', 1));
    const std::string key = absl::AsciiStrToLower(absl::StripAsciiWhitespace(setting.first));
    const absl::string_view value = absl::StripAsciiWhitespace(setting.second);
    if (key == "aws_access_key_id") credentials.access_key_id = std::string(value);
    if (key == "aws_secret_access_key") credentials.secret_access_key = std::string(value);
    if (key == "aws_session_token") credentials.session_token = std::string(value);
  }
  if (!found) return absl::InvalidArgumentError(absl::StrCat(name, ": no profile [default]"));
  RETURN_IF_ERROR(Check(credentials, "aws_access_key_id", "aws_secret_access_key", "aws_session_token",
                        absl::StrCat(name, ": [default]")));
  return credentials;
}

absl::StatusOr<Credentials> CredentialsOfEnvironment() {
  Credentials credentials = {.access_key_id = Environment("AWS_ACCESS_KEY_ID"),
                             .secret_access_key = Environment("AWS_SECRET_ACCESS_KEY"),
                             .session_token = Environment("AWS_SESSION_TOKEN")};
  RETURN_IF_ERROR(Check(credentials, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
                        absl::StrCat(kField, ": not set, and in the environment")));
  return credentials;
}

absl::StatusOr<std::unique_ptr<CredentialSource>> CredentialSource::Open(std::string file) {
  ASSIGN_OR_RETURN(Credentials credentials, file.empty() ? CredentialsOfEnvironment() : CredentialsOfFile(file));
  return std::make_unique<CredentialSource>(std::move(file), std::move(credentials));
}

std::shared_ptr<const Credentials> CredentialSource::Current() const {
  absl::MutexLock lock(&mutex_);
  return current_;
}

bool CredentialSource::Renew(const std::shared_ptr<const Credentials>& used) {
  absl::MutexLock lock(&mutex_);
  if (current_ != used) return true;
  if (file_.empty()) return false;
  absl::StatusOr<Credentials> read = CredentialsOfFile(file_);
  if (!read.ok()) {
    spdlog::warn("the server refused the bucket's credentials, and new ones cannot be read: {}",
                 std::string(read.status().message()));
    return false;
  }
  if (*read == *current_) return false;
  current_ = std::make_shared<const Credentials>(*std::move(read));
  return true;
}

}  // namespace mannequin::store
