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

std::string CrawlLine(const v1::CrawlProgress& p) {
  std::int64_t failed = 0;
  for (const auto& count : p.failed()) failed += count.products();
  const std::string unchanged =
      p.not_modified() == 0 ? "" : absl::StrCat("  ", WithCommas(p.not_modified()), " unchanged");
  const std::string hosts =
      p.troubled_host_count() == 0 ? "" : absl::StrCat("  ", WithCommas(p.troubled_host_count()), " hosts left alone");
  const std::string left = p.seconds_left() > 0 ? absl::StrCat("  ", HumanSeconds(p.seconds_left()), " left") : "";
  return absl::StrFormat("%s stored%s  %s failed  %s pending  %.0f images/s  %.1f MB/s%s%s", WithCommas(p.stored()),
                         unchanged, WithCommas(failed), WithCommas(p.pending()), p.images_per_second(),
                         p.bytes_per_second() / 1e6, hosts, left);
}

std::string TrainingLine(const v1::TrainingProgress& p) {
  if (p.phase() == "judge") return absl::StrFormat("judge  step %d of %d", p.judge_step(), p.judge_steps());
  if (p.phase() != "training") {
    return absl::StrCat(p.phase(), p.products() > 0 ? absl::StrCat("  ", WithCommas(p.products()), " products") : "");
  }
  std::string line = absl::StrFormat("step %s  D %.3f  G %.3f  %.0f images/s  data wait %.1f %%  %s left",
                                     WithCommas(p.step()), p.loss_discriminator(), p.loss_generator(),
                                     p.images_per_second(), 100 * p.data_wait(), HumanSeconds(p.seconds_left()));
  if (p.rollbacks() > 0) absl::StrAppend(&line, "  rolled back ", p.rollbacks(), " times");
  if (p.restarts() > 0) absl::StrAppend(&line, "  started anew ", p.restarts(), " times");
  if (p.health() != v1::TRAINING_HEALTH_UNSPECIFIED && p.health() != v1::TRAINING_HEALTH_HEALTHY) {
    absl::StrAppend(&line, "  ", Short(p.health(), &v1::TrainingHealth_Name<v1::TrainingHealth>, "TRAINING_HEALTH_"));
    if (!p.health_reason().empty()) absl::StrAppend(&line, ": ", p.health_reason());
  }
  return line;
}

std::string EmbeddingLine(const v1::TrainEmbeddingProgress& p) {
  const std::string epochs = absl::StrFormat("epoch %d of %d  loss %.3f", p.epoch(), p.epochs(), p.loss());
  switch (p.stage()) {
    case v1::TrainEmbeddingProgress::STAGE_READ:
      return absl::StrCat("reading ", WithCommas(p.products()), " products");
    case v1::TrainEmbeddingProgress::STAGE_TOKENIZER:
      return "training the tokenizer";
    case v1::TrainEmbeddingProgress::STAGE_DOC2VEC:
      return absl::StrCat("doc2vec  ", epochs, "  ", WithCommas(static_cast<std::int64_t>(p.words_per_second())),
                          " words/s");
    case v1::TrainEmbeddingProgress::STAGE_COMBINE:
      return absl::StrCat("labels  ", epochs);
    case v1::TrainEmbeddingProgress::STAGE_PUBLISH:
      return absl::StrCat("bundle ", p.bundle_version(), " of ", WithCommas(p.products()), " products, ",
                          WithCommas(p.vocabulary_size()), " pieces");
    default:
      return "";
  }
}

std::string EmbedCatalogLine(const v1::EmbedCatalogProgress& p) {
  std::string line = absl::StrCat(WithCommas(p.embedded()), " products embedded");
  if (p.unchanged() > 0) absl::StrAppend(&line, ", ", WithCommas(p.unchanged()), " unchanged");
  if (p.skipped() > 0) absl::StrAppend(&line, ", ", WithCommas(p.skipped()), " without a known word");
  return line;
}

}  // namespace

std::string JobLine(const v1::Job& job) {
  std::string detail;
  switch (job.kind()) {
    case v1::JOB_KIND_CRAWL:
      detail = CrawlLine(ProgressOf<v1::CrawlProgress>(job));
      break;
    case v1::JOB_KIND_TRAIN_EMBEDDING:
      detail = EmbeddingLine(ProgressOf<v1::TrainEmbeddingProgress>(job));
      break;
    case v1::JOB_KIND_EMBED_CATALOG:
      detail = EmbedCatalogLine(ProgressOf<v1::EmbedCatalogProgress>(job));
      break;
    case v1::JOB_KIND_TRAIN_GAN:
      detail = TrainingLine(ProgressOf<v1::TrainingProgress>(job));
      break;
    case v1::JOB_KIND_MAKE_PLACEHOLDERS:
      detail = absl::StrCat(WithCommas(ProgressOf<v1::MakePlaceholdersProgress>(job).proposed()), " proposed");
      break;
    case v1::JOB_KIND_SCORE_CATALOG:
      detail = absl::StrCat(WithCommas(ProgressOf<v1::ScoreCatalogProgress>(job).scored()), " scored");
      break;
    case v1::JOB_KIND_EVALUATE_BUNDLES: {
      const auto progress = ProgressOf<v1::EvaluateBundlesProgress>(job);
      detail = absl::StrCat(progress.phase(), "  ", progress.bundles_size(), " bundles measured");
      break;
    }
    default:
      break;
  }
  if (job.state() == v1::JOB_STATE_QUEUED) detail = "waits for a worker";
  if (job.state() == v1::JOB_STATE_PAUSED) detail = absl::StrCat("paused: ", detail);
  return absl::StrFormat("%-16s %3.0f %%  %s", ShortName(job.kind()), 100 * job.done(), detail);
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
        progress.End(JobLine(job));
        return job;
      case v1::JOB_STATE_FAILED:
        return absl::InternalError(absl::StrCat("job ", id, " failed: ", job.error()));
      case v1::JOB_STATE_CANCELLED:
        return absl::CancelledError(absl::StrCat("job ", id, " was cancelled"));
      default:
        progress.Show(JobLine(job));
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
