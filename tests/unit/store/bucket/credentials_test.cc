// Credentials out of a file or the environment, and again when they were refused.
#include "services/store/bucket/credentials.h"

#include <cstdlib>
#include <filesystem>

#include "common/base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mannequin::store {
namespace {

using testing::HasSubstr;
using testing::Not;

// "id secret token", or the error.
std::string Parsed(absl::string_view text) {
  const absl::StatusOr<Credentials> parsed = ParseCredentials(text, "file");
  if (!parsed.ok()) return parsed.status().ToString();
  return parsed->access_key_id + " " + parsed->secret_access_key + " " + parsed->session_token;
}

TEST(CredentialsTest, AreThoseOfTheDefaultProfile) {
  EXPECT_EQ(Parsed("# one\n[other]\naws_access_key_id=X\naws_secret_access_key=Y\n\n"
                   "[default]\r\naws_access_key_id = AKIA\r\nAWS_SECRET_ACCESS_KEY=a/b=+c \r\nregion=x\n; end\n"
                   "[third]\naws_access_key_id=Z\n"),
            "AKIA a/b=+c ");
  EXPECT_EQ(Parsed("[ default ]\naws_access_key_id=A\naws_secret_access_key=B\naws_session_token=T"), "A B T");
}

TEST(CredentialsTest, SayWhatTheFileLacks) {
  EXPECT_EQ(Parsed(""), "INVALID_ARGUMENT: file: no profile [default]");
  EXPECT_EQ(Parsed("[other]\naws_access_key_id=A\naws_secret_access_key=B"),
            "INVALID_ARGUMENT: file: no profile [default]");
  EXPECT_EQ(Parsed("[default]\naws_secret_access_key=B"), "INVALID_ARGUMENT: file: [default]: no aws_access_key_id");
  EXPECT_EQ(Parsed("[default]\naws_access_key_id=A\n[x]\naws_secret_access_key=B"),
            "INVALID_ARGUMENT: file: [default]: no aws_secret_access_key");
}

TEST(CredentialsTest, KeepASecretOutOfTheError) {
  const std::string error = Parsed("[default]\naws_access_key_id=A\naws_secret_access_key=hush\x01hush");
  EXPECT_EQ(error, "INVALID_ARGUMENT: file: [default]: aws_secret_access_key: not only printable characters");
}

class CredentialSourceTest : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void Write(const std::string& id) {
    ASSERT_TRUE(
        WriteFileAtomically(file_, "[default]\naws_access_key_id=" + id + "\naws_secret_access_key=hush\n").ok());
  }
  const std::string folder_ = *MakeTemporaryFolder("credentials-test");
  const std::string file_ = folder_ + "/credentials";
};

TEST_F(CredentialSourceTest, ReadsTheFileAgainWhenItsCredentialsWereRefused) {
  Write("A");
  const auto source = CredentialSource::Open(file_).value();
  const auto first = source->Current();
  EXPECT_FALSE(source->Renew(first));  // nothing else is in it
  Write("B");
  EXPECT_EQ(source->Current()->access_key_id, "A");
  EXPECT_TRUE(source->Renew(first));
  EXPECT_EQ(source->Current()->access_key_id, "B");
  EXPECT_TRUE(source->Renew(first));  // another thread's refusal of the same
}

TEST_F(CredentialSourceTest, KeepsWhatItHasWhenTheFileIsGone) {
  Write("A");
  const auto source = CredentialSource::Open(file_).value();
  std::filesystem::remove(file_);
  EXPECT_FALSE(source->Renew(source->Current()));
  EXPECT_EQ(source->Current()->access_key_id, "A");
}

TEST_F(CredentialSourceTest, NamesTheFieldOfAFileThatIsNotThere) {
  const absl::Status status = CredentialSource::Open(file_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("bucket.credentials_file"));
}

TEST_F(CredentialSourceTest, TakesThoseOfTheEnvironmentWithoutAFile) {
  setenv("AWS_ACCESS_KEY_ID", "E", 1);
  unsetenv("AWS_SECRET_ACCESS_KEY");
  setenv("AWS_SESSION_TOKEN", "T", 1);
  const absl::Status status = CredentialSource::Open("").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("AWS_SECRET_ACCESS_KEY"));
  setenv("AWS_SECRET_ACCESS_KEY", "S", 1);
  EXPECT_EQ(*CredentialSource::Open("").value()->Current(), (Credentials{"E", "S", "T"}));
}

}  // namespace
}  // namespace mannequin::store
