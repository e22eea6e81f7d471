// Model bundles on disk: a folder a version, published by rename, verified by checksum,
// and CURRENT, a file that names the promoted one.
//
//   bundles/
//     CURRENT                      "b-01J9...\n", replaced atomically
//     b-01J9.../manifest.textproto v1.BundleManifest: every other file with its SHA-256
//               tokenizer.model doc2vec.safetensors        (embedding)
//               generator.safetensors discriminator.safetensors judge.safetensors
//               products.sha256 MODEL_CARD.md              (gan)
//
//   ASSIGN_OR_RETURN(std::string staging, bundles.Stage());
//   ... write files into staging ...
//   ASSIGN_OR_RETURN(v1::BundleManifest manifest, bundles.Publish(staging, manifest));
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/base/clock.h"
#include "mannequin/v1/bundle.pb.h"

namespace mannequin {

// The folder of bundles. Thread-safe; several processes may share the folder.
class BundleFolder {
 public:
  explicit BundleFolder(std::string root, const Clock& clock = Clock::Real());

  // An empty staging folder inside the root; its name is the coming version.
  absl::StatusOr<std::string> Stage() const;
  // Fills in format, version, created_at and files, writes the manifest, syncs, and
  // renames the staging folder into place. The staging folder is gone on any error.
  absl::StatusOr<v1::BundleManifest> Publish(const std::string& staging, v1::BundleManifest manifest) const;

  // A bundle that was published elsewhere: `staging`, made by Stage(), holds its files and
  // manifest. Verifies them as Open does and renames the folder to the manifest's version;
  // a bundle of that version that is there already stays. The staging folder is gone then.
  absl::StatusOr<v1::BundleManifest> Adopt(const std::string& staging) const;

  // Reads and verifies every file. NOT_FOUND; DATA_LOSS naming the file that differs;
  // FAILED_PRECONDITION for another format.
  absl::StatusOr<v1::BundleManifest> Open(const std::string& version) const;
  // Oldest first; manifests only, files not verified.
  absl::StatusOr<std::vector<v1::BundleManifest>> List() const;
  // Verifies, then makes it CURRENT.
  absl::StatusOr<v1::BundleManifest> Promote(const std::string& version) const;
  // Empty when none was promoted yet.
  absl::StatusOr<std::string> CurrentVersion() const;

  std::string FolderOf(const std::string& version) const;
  const std::string& root() const { return root_; }

 private:
  // By a rename, durably.
  absl::Status Show(const std::string& staging, const std::string& version) const;

  const std::string root_;
  const Clock& clock_;
};

// Follows CURRENT: calls `load` for each newly promoted bundle, on a thread of its own
// (and once from Start, before it returns). A bundle that cannot be loaded is logged and
// the one in use stays; `heard` hears each problem once, and OK when it is over.
class BundleFollower {
 public:
  using Load = std::function<absl::Status(const v1::BundleManifest& manifest, const std::string& folder)>;
  using Heard = std::function<void(const absl::Status& problem)>;
  BundleFollower(BundleFolder folder, Load load, Heard heard = {});
  ~BundleFollower();

  void Start();
  void Stop();
  // Looks at CURRENT now, on this thread. OK with nothing promoted.
  absl::Status Check();

 private:
  void Loop();
  void Report(const absl::Status& problem);

  const BundleFolder folder_;
  const Load load_;
  const Heard heard_;
  absl::Mutex check_mutex_;
  std::string loaded_ ABSL_GUARDED_BY(check_mutex_);
  absl::Mutex mutex_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::string reported_ = "OK";  // of Start, then of the thread alone
  std::thread thread_;
};

}  // namespace mannequin
