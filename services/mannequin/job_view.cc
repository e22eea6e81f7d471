#include "services/mannequin/job_view.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "mannequin/v1/abuse_scorer.pb.h"
#include "mannequin/v1/gan_trainer.pb.h"
#include "mannequin/v1/image_fetcher.pb.h"
#include "mannequin/v1/image_generator.pb.h"
#include "mannequin/v1/text_embedder.pb.h"

namespace mannequin {
namespace {

constexpr absl::Duration kPollInterval = absl::Milliseconds(200);

template <typename Enum>
std::string Short(Enum value, const std::string& (*name)(Enum), absl::string_view prefix) {
  return absl::AsciiStrToLower(absl::StripPrefix(name(value), prefix));
}

void DescribeCrawl(const v1::CrawlProgress& p, Progress& progress) {
  std::int64_t failed = 0;
  for (const auto& count : p.failed()) failed += count.products();
  progress.done = absl::StrCat(WithCommas(p.stored()), " stored");
  progress.rate = absl::StrFormat("%.0f images/s  %.1f MB/s", p.images_per_second(), p.bytes_per_second() / 1e6);
  progress.seconds_left = p.seconds_left() > 0 ? p.seconds_left() : -1;
  progress.note = absl::StrCat(WithCommas(failed), " failed  ", WithCommas(p.pending()), " pending");
  if (p.not_modified() > 0) absl::StrAppend(&progress.note, "  ", WithCommas(p.not_modified()), " unchanged");
  if (p.troubled_host_count() > 0) {
    absl::StrAppend(&progress.note, "  ", WithCommas(p.troubled_host_count()), " hosts left alone");
  }
}

void DescribeTraining(const v1::TrainingProgress& p, Progress& progress) {
  if (p.phase() == "judge") {
    progress.done = absl::StrFormat("judge  step %d of %d", p.judge_step(), p.judge_steps());
    return;
  }
  progress.done = p.phase();
  if (p.phase() != "training") {
    if (p.products() > 0) absl::StrAppend(&progress.done, "  ", WithCommas(p.products()), " products");
    return;
  }
  progress.done = absl::StrCat("step ", WithCommas(p.step()));
  progress.rate = absl::StrFormat("%.0f images/s", p.images_per_second());
  progress.seconds_left = p.seconds_left();
  progress.note = absl::StrFormat("D %.3f  G %.3f  data wait %.1f %%", p.loss_discriminator(), p.loss_generator(),
                                  100 * p.data_wait());
  if (p.rollbacks() > 0) absl::StrAppend(&progress.note, "  rolled back ", p.rollbacks(), " times");
  if (p.restarts() > 0) absl::StrAppend(&progress.note, "  started anew ", p.restarts(), " times");
  if (p.health() != v1::TRAINING_HEALTH_UNSPECIFIED && p.health() != v1::TRAINING_HEALTH_HEALTHY) {
    absl::StrAppend(&progress.note, "  ",
                    Short(p.health(), &v1::TrainingHealth_Name<v1::TrainingHealth>, "TRAINING_HEALTH_"));
    if (!p.health_reason().empty()) absl::StrAppend(&progress.note, ": ", p.health_reason());
  }
}

void DescribeEmbedding(const v1::TrainEmbeddingProgress& p, Progress& progress) {
  const std::string epochs = absl::StrFormat("epoch %d of %d  loss %.3f", p.epoch(), p.epochs(), p.loss());
  switch (p.stage()) {
    case v1::TrainEmbeddingProgress::STAGE_READ:
      progress.done = absl::StrCat("reading ", WithCommas(p.products()), " products");
      break;
    case v1::TrainEmbeddingProgress::STAGE_TOKENIZER:
      progress.done = "training the tokenizer";
      break;
    case v1::TrainEmbeddingProgress::STAGE_DOC2VEC:
      progress.done = absl::StrCat("doc2vec  ", epochs);
      progress.rate = absl::StrCat(WithCommas(static_cast<std::int64_t>(p.words_per_second())), " words/s");
      break;
    case v1::TrainEmbeddingProgress::STAGE_COMBINE:
      progress.done = absl::StrCat("labels  ", epochs);
      break;
    case v1::TrainEmbeddingProgress::STAGE_PUBLISH:
      progress.done = absl::StrCat("bundle ", p.bundle_version(), " of ", WithCommas(p.products()), " products, ",
                                   WithCommas(p.vocabulary_size()), " pieces");
      break;
    default:
      break;
  }
}

// `things` done since the job began, and at what rate.
void Count(std::int64_t done, const char* things, double seconds, Progress& progress) {
  const Progress counted = CountProgress("", things, done, 0, seconds);
  progress.done = counted.done;
  if (done > 0) progress.rate = counted.rate;
}

void DescribeEmbedCatalog(const v1::EmbedCatalogProgress& p, double seconds, Progress& progress) {
  Count(p.embedded(), "products embedded", seconds, progress);
  if (p.unchanged() > 0) absl::StrAppend(&progress.note, WithCommas(p.unchanged()), " unchanged  ");
  if (p.skipped() > 0) absl::StrAppend(&progress.note, WithCommas(p.skipped()), " without a known word");
}

}  // namespace

Progress JobProgress(const v1::Job& job, absl::Time now) {
  Progress progress;
  progress.what = ShortName(job.kind());
  progress.share = job.done();
  const bool runs = job.state() == v1::JOB_STATE_RUNNING;
  const double seconds = runs ? absl::ToDoubleSeconds(now - absl::FromUnixSeconds(job.started_at().seconds()) -
                                                      absl::Nanoseconds(job.started_at().nanos()))
                              : JobSeconds(job);
  if (runs) progress.seconds_left = SecondsLeft(seconds, job.done());
  switch (job.kind()) {
    case v1::JOB_KIND_CRAWL:
      DescribeCrawl(ProgressOf<v1::CrawlProgress>(job), progress);
      break;
    case v1::JOB_KIND_TRAIN_EMBEDDING:
      DescribeEmbedding(ProgressOf<v1::TrainEmbeddingProgress>(job), progress);
      break;
    case v1::JOB_KIND_EMBED_CATALOG:
      DescribeEmbedCatalog(ProgressOf<v1::EmbedCatalogProgress>(job), seconds, progress);
      break;
    case v1::JOB_KIND_TRAIN_GAN:
      DescribeTraining(ProgressOf<v1::TrainingProgress>(job), progress);
      break;
    case v1::JOB_KIND_MAKE_PLACEHOLDERS:
      Count(ProgressOf<v1::MakePlaceholdersProgress>(job).proposed(), "proposed", seconds, progress);
      break;
    case v1::JOB_KIND_SCORE_CATALOG:
      Count(ProgressOf<v1::ScoreCatalogProgress>(job).scored(), "scored", seconds, progress);
      break;
    case v1::JOB_KIND_EVALUATE_BUNDLES: {
      const auto measured = ProgressOf<v1::EvaluateBundlesProgress>(job);
      progress.done = absl::StrCat(measured.phase(), "  ", measured.bundles_size(), " bundles measured");
      break;
    }
    default:
      break;
  }
  if (job.state() == v1::JOB_STATE_QUEUED) progress.done = "waits for a worker";
  if (job.state() == v1::JOB_STATE_PAUSED) progress.done = absl::StrCat("paused: ", progress.done);
  if (!runs) progress.seconds_left = -1;
  return progress;
}

double JobSeconds(const v1::Job& job) {
  return static_cast<double>(job.ended_at().seconds() - job.started_at().seconds()) +
         1e-9 * (job.ended_at().nanos() - job.started_at().nanos());
}

absl::StatusOr<v1::Job> WaitForJob(ProductStore& store, const std::string& id, ProgressLine& progress,
                                   bool cancel_on_interrupt) {
  v1::GetJobRequest request;
  request.set_id(id);
  bool cancelled = false;
  while (true) {
    ASSIGN_OR_RETURN(v1::GetJobResponse response, store.GetJob(request));
    const v1::Job& job = response.job();
    switch (job.state()) {
      case v1::JOB_STATE_SUCCEEDED:
        progress.End(ProgressText(JobProgress(job, absl::Now())));
        return job;
      case v1::JOB_STATE_FAILED:
        return absl::InternalError(absl::StrCat("job ", id, " failed: ", job.error()));
      case v1::JOB_STATE_CANCELLED:
        return absl::CancelledError(absl::StrCat("job ", id, " was cancelled"));
      default:
        progress.Show(JobProgress(job, absl::Now()));
    }
    if (Interrupted()) {
      if (!cancel_on_interrupt) return absl::CancelledError(absl::StrCat("left; job ", id, " goes on"));
      if (!cancelled) {
        v1::CancelJobRequest cancel;
        cancel.set_id(id);
        RETURN_IF_ERROR(store.CancelJob(cancel).status());
        cancelled = true;
      }
    }
    absl::SleepFor(kPollInterval);
  }
}

std::string ShortName(v1::FetchFailure failure) {
  return Short(failure, &v1::FetchFailure_Name<v1::FetchFailure>, "FETCH_FAILURE_");
}
std::string ShortName(v1::ImageState state) {
  return Short(state, &v1::ImageState_Name<v1::ImageState>, "IMAGE_STATE_");
}
std::string ShortName(v1::JobState state) { return Short(state, &v1::JobState_Name<v1::JobState>, "JOB_STATE_"); }
std::string ShortName(v1::JobKind kind) { return Short(kind, &v1::JobKind_Name<v1::JobKind>, "JOB_KIND_"); }
std::string ShortName(v1::PlaceholderState state) {
  return Short(state, &v1::PlaceholderState_Name<v1::PlaceholderState>, "PLACEHOLDER_STATE_");
}
std::string VerdictName(v1::VerdictKind kind) {
  return std::string(absl::StripPrefix(v1::VerdictKind_Name(kind), "VERDICT_KIND_"));
}
std::string ReasonName(v1::AbuseReason reason) {
  return std::string(absl::StripPrefix(v1::AbuseReason_Name(reason), "ABUSE_REASON_"));
}

}  // namespace mannequin
