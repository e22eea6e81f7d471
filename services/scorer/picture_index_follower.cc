#include "services/scorer/picture_index_follower.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/base/steady.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

constexpr int kPage = 1'000;

}  // namespace

PictureIndexFollower::PictureIndexFollower(ProductStore& store, const PictureIndexFollowerOptions& options)
    : store_(store), options_(options) {}

PictureIndexFollower::~PictureIndexFollower() { Stop(); }

void PictureIndexFollower::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void PictureIndexFollower::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void PictureIndexFollower::Follow(const std::string& bundle_version) {
  absl::MutexLock lock(&mutex_);
  followed_ = bundle_version;
  failed_ = absl::OkStatus();
  due_ = true;
}

void PictureIndexFollower::Refresh() {
  absl::MutexLock lock(&mutex_);
  due_ = !followed_.empty();
}

absl::StatusOr<std::shared_ptr<const PictureIndex>> PictureIndexFollower::Of(const std::string& bundle_version) const {
  absl::MutexLock lock(&mutex_);
  if (index_ != nullptr && index_->bundle_version() == bundle_version) {
    if (index_->size() > 0) return index_;
    return absl::FailedPreconditionError(
        absl::StrCat("no honest product was scored with bundle ", bundle_version, " yet; run `mannequin score --all`"));
  }
  if (followed_ == bundle_version && !failed_.ok()) {
    return absl::Status(failed_.code(), absl::StrCat("the kept verdicts could not be read: ", failed_.message()));
  }
  return absl::UnavailableError("the kept verdicts are being read; ask again in a moment");
}

bool PictureIndexFollower::IsWanted(const std::string& bundle_version) const {
  absl::MutexLock lock(&mutex_);
  return !stop_ && followed_ == bundle_version;
}

absl::StatusOr<std::shared_ptr<const PictureIndex>> PictureIndexFollower::Read(
    const std::string& bundle_version) const {
  auto index = std::make_shared<PictureIndex>(bundle_version, options_.max_products);
  v1::ListVerdictsRequest request;
  request.set_kind(v1::VERDICT_KIND_CLEAN);
  request.set_page_size(kPage);
  do {
    if (!IsWanted(bundle_version)) return absl::CancelledError("no longer followed");
    ASSIGN_OR_RETURN(const v1::ListVerdictsResponse page, store_.ListVerdicts(request));
    for (const v1::Verdict& verdict : page.verdicts()) {
      if (verdict.bundle_version() != bundle_version || verdict.review_decision() == v1::VERDICT_KIND_ABUSE) continue;
      index->Add(verdict.product_id(), verdict.picture_vector());
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return std::shared_ptr<const PictureIndex>(std::move(index));
}

void PictureIndexFollower::Loop() {
  absl::MutexLock lock(&mutex_);
  const auto is_due = [this] { return stop_ || due_; };
  while (true) {
    mutex_.Await(absl::Condition(&is_due));
    if (stop_) return;
    due_ = false;
    const std::string version = followed_;
    mutex_.Unlock();
    absl::StatusOr<std::shared_ptr<const PictureIndex>> read = Read(version);
    mutex_.Lock();
    // Whoever follows another bundle now has made it due.
    if (followed_ != version) continue;
    failed_ = read.status();
    if (read.ok()) {
      index_ = *std::move(read);
      spdlog::info("evidence by picture: {} honest products of bundle {}", index_->size(), version);
      continue;
    }
    if (stop_) return;
    spdlog::warn("evidence by picture: {}; trying again", failed_.ToString());
    AwaitFor(mutex_, absl::Condition(&is_due), options_.retry);
    due_ = true;
  }
}

}  // namespace mannequin
