#include "common/model/bundle.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/file.h"
#include "common/base/ids.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/base/steady.h"
#include "common/base/text_config.h"
#include "google/protobuf/text_format.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

namespace fs = std::filesystem;

constexpr int kFormat = 1;
constexpr char kManifest[] = "manifest.textproto";
constexpr char kStaging[] = ".staging-";

// A file or a folder. A rename is durable only when the folder that holds the name is synced.
absl::Status Sync(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  const int failed = fsync(fd) != 0 ? errno : 0;
  close(fd);
  return failed ? absl::ErrnoToStatus(failed, absl::StrCat("cannot sync ", path)) : absl::OkStatus();
}

// Versions come from clients: a name, never a path.
absl::Status CheckVersion(const std::string& version) {
  if (version.empty() || version.size() > 64 || version[0] == '.' || absl::StrContains(version, '/')) {
    return absl::InvalidArgumentError(absl::StrCat("version: \"", version, "\" is not the name of a bundle"));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::BundleManifest> ReadManifest(const std::string& folder, const std::string& version) {
  v1::BundleManifest manifest;
  const absl::Status read = ReadTextConfig(absl::StrCat(folder, "/", kManifest), &manifest);
  if (absl::IsNotFound(read)) {
    return absl::NotFoundError(
        absl::StrCat("there is no bundle \"", version, "\"; `mannequin models list` shows them"));
  }
  if (absl::IsInvalidArgument(read)) return absl::DataLossError(read.message());
  RETURN_IF_ERROR(read);
  if (manifest.format() != kFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat("bundle ", version, " has format ", manifest.format(), "; this build reads format ", kFormat));
  }
  return manifest;
}

absl::Status VerifyFile(const std::string& folder, const v1::BundleFile& file) {
  const fs::path relative(file.path());
  if (relative.is_absolute() || absl::StrContains(file.path(), "..")) {
    return absl::DataLossError(absl::StrCat(folder, ": manifest names a file outside the bundle: ", file.path()));
  }
  const std::string path = absl::StrCat(folder, "/", file.path());
  absl::StatusOr<std::string> sha256 = Sha256HexOfFile(path);
  if (!sha256.ok()) return absl::DataLossError(absl::StrCat(sha256.status().message()));
  if (*sha256 != file.sha256()) {
    return absl::DataLossError(absl::StrCat(path, ": SHA-256 is ", *sha256, ", the manifest says ", file.sha256(),
                                            "; restore the bundle from a copy"));
  }
  return absl::OkStatus();
}

// Of a staging folder, whatever becomes of it.
auto RemovedAtEnd(const std::string& staging) {
  return absl::MakeCleanup([staging] {
    std::error_code ignored;
    fs::remove_all(staging, ignored);
  });
}

}  // namespace

BundleFolder::BundleFolder(std::string root, const Clock& clock) : root_(std::move(root)), clock_(clock) {}

std::string BundleFolder::FolderOf(const std::string& version) const { return absl::StrCat(root_, "/", version); }

absl::StatusOr<std::string> BundleFolder::Stage() const {
  const std::string folder = absl::StrCat(root_, "/", kStaging, NewId("b-", clock_.Now()));
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot make ", folder));
  return folder;
}

absl::Status BundleFolder::Show(const std::string& staging, const std::string& version) const {
  RETURN_IF_ERROR(Sync(staging));
  std::error_code error;
  fs::rename(staging, FolderOf(version), error);
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot publish ", version));
  return Sync(root_);
}

absl::StatusOr<v1::BundleManifest> BundleFolder::Adopt(const std::string& staging) const {
  const auto remove_staging = RemovedAtEnd(staging);
  ASSIGN_OR_RETURN(v1::BundleManifest manifest, ReadManifest(staging, staging));
  RETURN_IF_ERROR(CheckVersion(manifest.version()));
  for (const v1::BundleFile& file : manifest.files()) {
    RETURN_IF_ERROR(VerifyFile(staging, file));
    RETURN_IF_ERROR(Sync(absl::StrCat(staging, "/", file.path())));
  }
  const absl::StatusOr<v1::BundleManifest> there = Open(manifest.version());
  if (!absl::IsNotFound(there.status())) return there;
  RETURN_IF_ERROR(Sync(absl::StrCat(staging, "/", kManifest)));
  RETURN_IF_ERROR(Show(staging, manifest.version()));
  return manifest;
}

absl::StatusOr<v1::BundleManifest> BundleFolder::Publish(const std::string& staging,
                                                         v1::BundleManifest manifest) const {
  const auto remove_staging = RemovedAtEnd(staging);
  const std::string name = fs::path(staging).filename();
  if (!absl::StartsWith(name, kStaging)) return absl::InvalidArgumentError(staging + " was not made by Stage()");
  manifest.set_format(kFormat);
  manifest.set_version(name.substr(sizeof(kStaging) - 1));
  manifest.mutable_created_at()->set_seconds(absl::ToUnixSeconds(clock_.Now()));
  manifest.clear_files();
  std::vector<std::string> paths;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(staging)) {
    if (entry.is_regular_file()) paths.push_back(fs::relative(entry.path(), staging));
  }
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths) {
    const std::string full = absl::StrCat(staging, "/", path);
    v1::BundleFile* file = manifest.add_files();
    file->set_path(path);
    ASSIGN_OR_RETURN(*file->mutable_sha256(), Sha256HexOfFile(full));
    file->set_size_bytes(static_cast<std::int64_t>(fs::file_size(full)));
    // Writers need not sync: whatever they wrote is synced here, before the name shows.
    RETURN_IF_ERROR(Sync(full));
  }
  std::string text;
  google::protobuf::TextFormat::PrintToString(manifest, &text);
  RETURN_IF_ERROR(WriteFileAtomically(absl::StrCat(staging, "/", kManifest), text));
  RETURN_IF_ERROR(Show(staging, manifest.version()));
  return manifest;
}

absl::StatusOr<v1::BundleManifest> BundleFolder::Open(const std::string& version) const {
  RETURN_IF_ERROR(CheckVersion(version));
  const std::string folder = FolderOf(version);
  ASSIGN_OR_RETURN(v1::BundleManifest manifest, ReadManifest(folder, version));
  for (const v1::BundleFile& file : manifest.files()) RETURN_IF_ERROR(VerifyFile(folder, file));
  return manifest;
}

absl::StatusOr<std::vector<v1::BundleManifest>> BundleFolder::List() const {
  std::vector<std::string> versions;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(root_, error)) {
    const std::string name = entry.path().filename();
    if (entry.is_directory() && name[0] != '.') versions.push_back(name);
  }
  std::sort(versions.begin(), versions.end());
  std::vector<v1::BundleManifest> manifests;
  for (const std::string& version : versions) {
    absl::StatusOr<v1::BundleManifest> manifest = ReadManifest(FolderOf(version), version);
    if (absl::IsNotFound(manifest.status())) continue;  // some other folder
    RETURN_IF_ERROR(manifest.status());
    manifests.push_back(*std::move(manifest));
  }
  return manifests;
}

absl::StatusOr<v1::BundleManifest> BundleFolder::Promote(const std::string& version) const {
  ASSIGN_OR_RETURN(v1::BundleManifest manifest, Open(version));
  RETURN_IF_ERROR(WriteFileAtomically(absl::StrCat(root_, "/CURRENT"), version + "\n"));
  RETURN_IF_ERROR(Sync(root_));
  return manifest;
}

absl::StatusOr<std::string> BundleFolder::CurrentVersion() const {
  absl::StatusOr<std::string> text = ReadFile(absl::StrCat(root_, "/CURRENT"));
  if (absl::IsNotFound(text.status())) return "";
  RETURN_IF_ERROR(text.status());
  return std::string(absl::StripTrailingAsciiWhitespace(*text));
}

BundleFollower::BundleFollower(BundleFolder folder, Load load, Heard heard)
    : folder_(std::move(folder)), load_(std::move(load)), heard_(std::move(heard)) {}

BundleFollower::~BundleFollower() { Stop(); }

absl::Status BundleFollower::Check() {
  absl::MutexLock lock(&check_mutex_);
  ASSIGN_OR_RETURN(const std::string current, folder_.CurrentVersion());
  if (current.empty() || current == loaded_) return absl::OkStatus();
  ASSIGN_OR_RETURN(const v1::BundleManifest manifest, folder_.Open(current));
  RETURN_IF_ERROR(load_(manifest, folder_.FolderOf(current)));
  loaded_ = current;
  return absl::OkStatus();
}

void BundleFollower::Start() {
  Report(Check());
  thread_ = std::thread([this] { Loop(); });
}

void BundleFollower::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void BundleFollower::Report(const absl::Status& problem) {
  // Each is said once, not four times a second.
  if (problem.ToString() == reported_) return;
  reported_ = problem.ToString();
  if (!problem.ok()) spdlog::error("bundle not loaded, the one in use stays: {}", reported_);
  if (heard_) heard_(problem);
}

void BundleFollower::Loop() {
  absl::MutexLock lock(&mutex_);
  while (!AwaitFor(mutex_, absl::Condition(&stop_), absl::Milliseconds(250))) {
    mutex_.Unlock();
    Report(Check());
    mutex_.Lock();
  }
}

}  // namespace mannequin
