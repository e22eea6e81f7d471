#include "services/embedder/index_follower.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/base/steady.h"
#include "mannequin/v1/text_embedder.pb.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

constexpr std::size_t kBatch = 512;
// Newest jobs that are looked at, the most of one call: those that wait or run are among
// them, and must not hide one that ended.
constexpr int kJobs = 1'000;

// The longest time without a pass.
constexpr absl::Duration kLongestRest = absl::Minutes(10);

bool Ended(v1::JobState state) { return state != v1::JOB_STATE_QUEUED && state != v1::JOB_STATE_RUNNING; }

}  // namespace

IndexFollower::IndexFollower(ProductStore& store, IndexFollowerOptions options,
                             std::function<absl::StatusOr<VectorSpace>()> current)
    : store_(store), options_(std::move(options)), current_(std::move(current)) {
  options_.index.stop = &stop_;
}

IndexFollower::~IndexFollower() { Stop(); }

void IndexFollower::Start() {
  if (!options_.folder.empty()) {
    std::error_code error;
    std::filesystem::create_directories(options_.folder, error);
    if (error) spdlog::warn("index folder {}: {}: the index will not be kept", options_.folder, error.message());
  }
  thread_ = std::thread([this] { Loop(); });
}

void IndexFollower::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  if (!thread_.joinable()) return;
  thread_.join();
  Save();
}

void IndexFollower::Loop() {
  std::string complaint;
  while (true) {
    const absl::StatusOr<VectorSpace> space = current_();
    const absl::Status status = space.ok() ? RefreshWhenMarked(*space) : absl::OkStatus();
    if (stop_) return;
    if (SaveIsDue()) Save();
    // The same words only once.
    if (!status.ok() && status.ToString() != complaint) spdlog::warn("index: {}", status.ToString());
    complaint = status.ok() ? "" : status.ToString();
    absl::MutexLock lock(&mutex_);
    const auto stopped = [this] { return stop_.load(); };
    if (AwaitFor(mutex_, absl::Condition(&stopped), options_.poll)) return;
  }
}

absl::StatusOr<IndexFollower::Mark> IndexFollower::ReadMark() {
  v1::ListJobsRequest request;
  request.set_kind(v1::JOB_KIND_EMBED_CATALOG);
  request.set_page_size(kJobs);
  ASSIGN_OR_RETURN(const v1::ListJobsResponse jobs, store_.ListJobs(request));
  ASSIGN_OR_RETURN(const v1::GetStatisticsResponse statistics, store_.GetStatistics({}));
  Mark mark;
  mark.embeddings = statistics.embeddings();
  for (const v1::Job& job : jobs.jobs()) {
    v1::EmbedCatalogProgress progress;
    job.progress().UnpackTo(&progress);
    // A product that is skipped loses the vector that it had.
    const std::int64_t written = progress.embedded() + progress.skipped();
    // What an attempt that was cut short had written is not in the last one's progress.
    if (!Ended(job.state()) || (written == 0 && job.attempts() <= 1)) continue;
    absl::StrAppend(&mark.jobs, job.id(), " ", job.attempts(), " ", written, "\n");
  }
  return mark;
}

std::shared_ptr<SimilarityIndex> IndexFollower::InHand(const VectorSpace& space) const {
  absl::MutexLock lock(&mutex_);
  if (index_ == nullptr || index_->bundle_version() != space.bundle_version) return nullptr;
  return index_;
}

absl::StatusOr<std::shared_ptr<const SimilarityIndex>> IndexFollower::Of(const VectorSpace& space) {
  std::shared_ptr<const SimilarityIndex> index = InHand(space);
  if (index != nullptr && index->size() > 0) return index;
  // None yet, or an empty one: perhaps the catalogue was embedded a moment ago.
  RETURN_IF_ERROR(RefreshWhenMarked(space));
  index = InHand(space);
  if (index == nullptr) return absl::UnavailableError("the bundle has just changed: ask again");
  return index;
}

absl::Status IndexFollower::RefreshWhenMarked(const VectorSpace& space) {
  absl::MutexLock pass(&pass_mutex_);
  ASSIGN_OR_RETURN(const Mark mark, ReadMark());
  const bool known = mark.jobs == mark_.jobs && (mark.embeddings == mark_.embeddings || SteadyNow() < rested_);
  if (known && InHand(space) != nullptr) return absl::OkStatus();
  return Pass(space, mark);
}

absl::Status IndexFollower::Refresh(const VectorSpace& space) {
  absl::MutexLock pass(&pass_mutex_);
  ASSIGN_OR_RETURN(const Mark mark, ReadMark());
  return Pass(space, mark);
}

absl::StatusOr<std::size_t> IndexFollower::PutAll(SimilarityIndex& index) {
  std::vector<v1::Embedding> batch;
  std::size_t changed = 0;
  const auto put = [&] {
    changed += index.Put(batch);
    batch.clear();
  };
  const absl::Status scanned = store_.ScanEmbeddings({}, [&](const v1::Embedding& embedding) {
    batch.push_back(embedding);
    if (batch.size() == kBatch) put();
    return stop_ ? absl::CancelledError() : absl::OkStatus();
  });
  // Whoever searches may ask another replica.
  if (stop_) return absl::UnavailableError("the embedder stops");
  RETURN_IF_ERROR(scanned);
  put();
  return changed;
}

absl::Status IndexFollower::Pass(const VectorSpace& space, const Mark& mark) {
  // An EmbedCatalog may end long after another bundle was promoted: its index is of no use.
  if (const absl::StatusOr<VectorSpace> current = current_(); !current.ok() || *current != space) {
    return absl::UnavailableError("the bundle has just changed: ask again");
  }
  if (stop_) return absl::UnavailableError("the embedder stops");
  std::shared_ptr<SimilarityIndex> index = InHand(space);
  const bool first = index == nullptr;
  if (first) index = LoadOrNew(space);
  const absl::Time begin = SteadyNow();
  index->BeginPass();
  ASSIGN_OR_RETURN(const std::size_t changed, PutAll(*index));
  const std::size_t removed = index->RemoveUnseen();
  const absl::Duration took = SteadyNow() - begin;
  if (first || changed + removed > 0) {
    spdlog::info("index of bundle {}: {} products, {} vectors; {} changed, {} removed in {}", space.bundle_version,
                 index->size(), index->rows(), changed, removed, absl::FormatDuration(took));
  }
  const bool job_ended = mark.jobs != mark_.jobs;
  mark_ = mark;
  rested_ = SteadyNow() + std::min(kLongestRest, took * options_.rest);
  absl::MutexLock lock(&mutex_);
  index_ = std::move(index);
  unsaved_ |= changed + removed > 0;
  if (job_ended) save_at_ = absl::InfinitePast();
  return absl::OkStatus();
}

std::shared_ptr<SimilarityIndex> IndexFollower::LoadOrNew(const VectorSpace& space) const {
  if (!options_.folder.empty()) {
    absl::StatusOr<std::unique_ptr<SimilarityIndex>> loaded =
        SimilarityIndex::Load(Path(), space.bundle_version, space.dimension, options_.index);
    if (loaded.ok()) return *std::move(loaded);
    if (!absl::IsNotFound(loaded.status())) spdlog::warn("index is built anew: {}", loaded.status().ToString());
  }
  return std::make_shared<SimilarityIndex>(space.bundle_version, space.dimension, options_.index);
}

bool IndexFollower::SaveIsDue() const {
  absl::MutexLock lock(&mutex_);
  return unsaved_ && SteadyNow() >= save_at_;
}

void IndexFollower::Save() {
  std::shared_ptr<SimilarityIndex> index;
  {
    absl::MutexLock lock(&mutex_);
    if (!unsaved_ || options_.folder.empty()) return;
    unsaved_ = false;
    save_at_ = SteadyNow() + options_.save_every;
    index = index_;
  }
  // Not tried again before something changes: the file is a convenience.
  if (const absl::Status status = index->Save(Path()); !status.ok()) {
    spdlog::warn("index is not kept: {}", status.ToString());
  }
}

std::string IndexFollower::Path() const { return options_.folder + "/similarity.index"; }

}  // namespace mannequin
