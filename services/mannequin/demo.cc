#include "services/mannequin/demo.h"

#include <algorithm>
#include <filesystem>
#include <tuple>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/base/roc.h"
#include "common/base/status_macros.h"
#include "common/image/image.h"
#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "mannequin/v1/abuse_scorer.grpc.pb.h"
#include "mannequin/v1/gan_trainer.grpc.pb.h"
#include "mannequin/v1/image_fetcher.grpc.pb.h"
#include "mannequin/v1/image_generator.grpc.pb.h"
#include "mannequin/v1/text_embedder.grpc.pb.h"
#include "services/mannequin/captioned_sheet.h"
#include "services/mannequin/ingest/ingest.h"
#include "services/mannequin/job_view.h"
#include "services/mannequin/placeholder_sheet.h"
#include "services/mannequin/terminal.h"
#include "services/trainer/judge_training.h"

namespace mannequin {
namespace {

constexpr int kSimilar = 6;
constexpr double kJudgeStepsASecond = 2.5;  // of the GAN's training
constexpr std::size_t kWorst = 12;

// Of the reason that made a verdict, which comes first by contract.
double TopProbability(const v1::Verdict& verdict) {
  return verdict.reasons().empty() ? 0 : verdict.reasons(0).probability();
}

double ProbabilityOf(const v1::Verdict& verdict, v1::AbuseReason reason) {
  for (const v1::ReasonScore& score : verdict.reasons()) {
    if (score.reason() == reason) return score.probability();
  }
  return 0;
}

// Product id to "clean", "overlay", "mismatch", ... from truth.jsonl.
absl::StatusOr<std::map<std::string, std::string>> ReadTruth(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  std::map<std::string, std::string> truth;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const nlohmann::json record = nlohmann::json::parse(line.begin(), line.end(), nullptr, false);
    if (!record.contains("id") || !record.contains("truth")) {
      return absl::DataLossError(absl::StrCat(path, ": a line has no id or no truth"));
    }
    truth[record["id"]] = record["truth"];
  }
  return truth;
}

class Demo {
 public:
  Demo(const DemoServices& services, const DemoOptions& options) : services_(services), options_(options) {}

  absl::StatusOr<DemoResult> Run() {
    RETURN_IF_ERROR(Stage("ingest", &Demo::Ingest));
    RETURN_IF_ERROR(Stage("crawl", &Demo::Crawl));
    RETURN_IF_ERROR(Stage("train embedding", &Demo::TrainEmbedding));
    RETURN_IF_ERROR(Stage("embed catalogue", &Demo::EmbedCatalog));
    RETURN_IF_ERROR(Stage("train GAN", &Demo::TrainGan));
    RETURN_IF_ERROR(Stage("placeholders", &Demo::MakePlaceholders));
    RETURN_IF_ERROR(Stage("score", &Demo::ScoreCatalog));
    RETURN_IF_ERROR(Stage("look back", &Demo::LookBack));
    return std::move(result_);
  }

 private:
  absl::Status Stage(const std::string& name, absl::StatusOr<nlohmann::json> (Demo::*run)()) {
    if (Interrupted()) return absl::CancelledError("interrupted");
    const absl::Time start = absl::Now();
    absl::StatusOr<nlohmann::json> counts = (this->*run)();
    if (!counts.ok()) return absl::Status(counts.status().code(), absl::StrCat(name, ": ", counts.status().message()));
    result_.stages.push_back({name, absl::ToDoubleSeconds(absl::Now() - start), *std::move(counts)});
    return absl::OkStatus();
  }

  // Sends `request`, follows the job that it makes, returns the job's last progress.
  template <typename Progress, typename Stub, typename Interface, typename Request, typename Response>
  absl::StatusOr<Progress> RunJob(Stub& stub,
                                  grpc::Status (Interface::*method)(grpc::ClientContext*, const Request&, Response*),
                                  const Request& request) {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(30));
    Response response;
    RETURN_IF_ERROR(rpc::FromGrpc((stub.*method)(&context, request, &response)));
    ProgressLine line(options_.quiet);
    ASSIGN_OR_RETURN(const v1::Job job, WaitForJob(services_.store, response.job().id(), line, true));
    return ProgressOf<Progress>(job);
  }

  absl::StatusOr<nlohmann::json> Ingest() {
    ProgressLine line(options_.quiet);
    ASSIGN_OR_RETURN(const IngestReport report, IngestFile(options_.catalog, {}, services_.store, nullptr));
    line.End(absl::StrCat("ingest           100 %  ", WithCommas(report.accepted), " products"));
    return nlohmann::json{{"read", report.read},
                          {"accepted", report.accepted},
                          {"rejected", report.rejected},
                          {"duplicates", report.duplicates},
                          {"products_per_second", report.products_per_second}};
  }

  absl::StatusOr<nlohmann::json> Crawl() {
    const auto stub = v1::ImageFetcher::NewStub(services_.fetcher);
    ASSIGN_OR_RETURN(const auto done,
                     RunJob<v1::CrawlProgress>(*stub, &v1::ImageFetcher::Stub::StartCrawl, v1::StartCrawlRequest()));
    nlohmann::json counts = {{"stored", done.stored()}, {"images_per_second", done.images_per_second()}};
    for (const auto& failed : done.failed()) counts["failed_" + ShortName(failed.failure())] = failed.products();
    return counts;
  }

  absl::StatusOr<nlohmann::json> TrainEmbedding() {
    const auto stub = v1::TextEmbedder::NewStub(services_.embedder);
    ASSIGN_OR_RETURN(const auto done, RunJob<v1::TrainEmbeddingProgress>(*stub, &v1::TextEmbedder::Stub::TrainEmbedding,
                                                                         v1::TrainEmbeddingRequest()));
    return nlohmann::json{{"products", done.products()},
                          {"epochs", done.epochs()},
                          {"words_per_second", done.words_per_second()},
                          {"vocabulary", done.vocabulary_size()}};
  }

  absl::StatusOr<nlohmann::json> EmbedCatalog() {
    const auto stub = v1::TextEmbedder::NewStub(services_.embedder);
    ASSIGN_OR_RETURN(const auto done, RunJob<v1::EmbedCatalogProgress>(*stub, &v1::TextEmbedder::Stub::EmbedCatalog,
                                                                       v1::EmbedCatalogRequest()));
    return nlohmann::json{{"embedded", done.embedded()}, {"skipped", done.skipped()}};
  }

  absl::StatusOr<nlohmann::json> TrainGan() {
    v1::CreateTrainingRequest request;
    request.set_resolution(options_.resolution);
    request.set_features(options_.features);
    request.set_batch(32);
    request.set_steps(10'000'000);
    request.set_max_seconds(options_.train_seconds);
    request.set_checkpoint_steps(1'000);
    request.set_promote(true);
    ASSIGN_OR_RETURN(const v1::GetStatisticsResponse statistics, services_.store.GetStatistics({}));
    std::int64_t stored = 0;
    for (const v1::ImageStateCount& count : statistics.image_states()) {
      if (count.state() == v1::IMAGE_STATE_STORED) stored = count.products();
    }
    // On a big catalogue no longer than the GAN.
    const auto most =
        std::max<std::int64_t>(100, static_cast<std::int64_t>(kJudgeStepsASecond * options_.train_seconds));
    request.set_judge_steps(std::min(JudgeStepsFor(static_cast<std::size_t>(stored)), most));
    const auto stub = v1::GanTrainer::NewStub(services_.trainer);
    ASSIGN_OR_RETURN(const auto done,
                     RunJob<v1::TrainingProgress>(*stub, &v1::GanTrainer::Stub::CreateTraining, request));
    // Beside the other pictures: the training's own folder may go when the demo ends.
    result_.training_samples = options_.pictures_folder + "/samples.png";
    std::filesystem::create_directories(options_.pictures_folder);
    ASSIGN_OR_RETURN(const std::string samples, ReadFile(done.sample_path()));
    RETURN_IF_ERROR(WriteFileAtomically(result_.training_samples, samples));
    return nlohmann::json{{"products", done.products()},
                          {"steps", done.step()},
                          {"images_per_second", done.images_per_second()},
                          {"loss_discriminator", done.loss_discriminator()},
                          {"loss_generator", done.loss_generator()}};
  }

  absl::StatusOr<nlohmann::json> MakePlaceholders() {
    const auto stub = v1::ImageGenerator::NewStub(services_.generator);
    ASSIGN_OR_RETURN(const auto done,
                     RunJob<v1::MakePlaceholdersProgress>(*stub, &v1::ImageGenerator::Stub::MakePlaceholders,
                                                          v1::MakePlaceholdersRequest()));
    std::int64_t without = 0;
    for (const v1::NoImageCount& count : done.no_image()) without += count.products();
    if (done.proposed() > 0) {
      ASSIGN_OR_RETURN(
          const PlaceholderExport exported,
          ExportPlaceholders(services_.store, v1::PLACEHOLDER_STATE_PROPOSED, options_.pictures_folder, true));
      result_.placeholder_sheet = exported.sheet_path;
    }
    return nlohmann::json{{"proposed", done.proposed()}, {"no_confident_image", without}};
  }

  absl::StatusOr<nlohmann::json> ScoreCatalog() {
    const auto stub = v1::AbuseScorer::NewStub(services_.scorer);
    ASSIGN_OR_RETURN(const auto done, RunJob<v1::ScoreCatalogProgress>(*stub, &v1::AbuseScorer::Stub::ScoreCatalog,
                                                                       v1::ScoreCatalogRequest()));
    nlohmann::json counts = {{"scored", done.scored()}};
    for (const v1::VerdictCount& count : done.verdicts()) counts[VerdictName(count.kind())] = count.listings();
    return counts;
  }

  // What the page shows beside the stages: similar products, worst listings, AUC.
  absl::StatusOr<nlohmann::json> LookBack() {
    ASSIGN_OR_RETURN(result_.statistics, services_.store.GetStatistics({}));
    RETURN_IF_ERROR(FindSimilar());
    ASSIGN_OR_RETURN(const std::vector<v1::Verdict> verdicts, Verdicts());
    RETURN_IF_ERROR(FindWorst(verdicts));
    if (!options_.truth.empty()) RETURN_IF_ERROR(CompareWithTruth(verdicts));
    return nlohmann::json{{"verdicts", verdicts.size()}};
  }

  absl::Status FindSimilar() {
    v1::ListProductsRequest first;
    first.mutable_filter()->set_image_state(v1::IMAGE_STATE_STORED);
    first.set_page_size(1);
    ASSIGN_OR_RETURN(const v1::ListProductsResponse page, services_.store.ListProducts(first));
    if (page.products().empty()) return absl::OkStatus();
    result_.similar_to = page.products(0).product();
    const auto stub = v1::TextEmbedder::NewStub(services_.embedder);
    v1::FindSimilarRequest request;
    request.set_product_id(result_.similar_to.id());
    request.set_count(kSimilar);
    v1::FindSimilarResponse response;
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(30));
    RETURN_IF_ERROR(rpc::FromGrpc(stub->FindSimilar(&context, request, &response)));
    result_.similar.assign(response.products().begin(), response.products().end());
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<v1::Verdict>> Verdicts() {
    std::vector<v1::Verdict> verdicts;
    v1::ListVerdictsRequest request;
    request.set_page_size(1000);
    do {
      ASSIGN_OR_RETURN(const v1::ListVerdictsResponse page, services_.store.ListVerdicts(request));
      verdicts.insert(verdicts.end(), page.verdicts().begin(), page.verdicts().end());
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    for (const v1::Verdict& verdict : verdicts) ++result_.verdicts[VerdictName(verdict.kind())];
    return verdicts;
  }

  absl::Status FindWorst(std::vector<v1::Verdict> verdicts) {
    const std::size_t count = std::min(kWorst, verdicts.size());
    std::partial_sort(verdicts.begin(), verdicts.begin() + static_cast<std::ptrdiff_t>(count), verdicts.end(),
                      [](const v1::Verdict& a, const v1::Verdict& b) {
                        const auto rank = [](const v1::Verdict& verdict) {
                          // What could not be judged is not the worst.
                          const bool judged = verdict.kind() != v1::VERDICT_KIND_NOT_SCORED;
                          return std::tuple(judged, verdict.kind(), TopProbability(verdict));
                        };
                        return rank(a) > rank(b);
                      });
    verdicts.resize(count);
    std::vector<CaptionedPicture> pictures;
    for (v1::Verdict& verdict : verdicts) {
      v1::GetProductRequest request;
      request.set_id(verdict.product_id());
      ASSIGN_OR_RETURN(v1::GetProductResponse found, services_.store.GetProduct(request));
      v1::GetImageRequest image_request;
      image_request.set_sha256(verdict.image_sha256());
      ASSIGN_OR_RETURN(const v1::GetImageResponse image, services_.store.GetImage(image_request));
      DecodeOptions small;
      small.resize_to = 160;
      if (absl::StatusOr<Pixels> pixels = DecodeImage(image.image().data(), small); pixels.ok()) {
        const v1::ReasonScore top = verdict.reasons().empty() ? v1::ReasonScore() : verdict.reasons(0);
        pictures.push_back({*std::move(pixels), found.product().product().title(),
                            absl::StrFormat("%s %.2f", ReasonName(top.reason()), top.probability())});
      }
      result_.worst.push_back({std::move(*found.mutable_product()->mutable_product()), std::move(verdict)});
    }
    if (pictures.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const std::string png, CaptionedSheet(pictures, 6));
    result_.worst_sheet = options_.pictures_folder + "/worst.png";
    std::filesystem::create_directories(options_.pictures_folder);
    return WriteFileAtomically(result_.worst_sheet, png);
  }

  // Clean listings are the negatives of every reason; listings abused in another way
  // count for neither side.
  absl::Status CompareWithTruth(const std::vector<v1::Verdict>& verdicts) {
    ASSIGN_OR_RETURN(const auto truth, ReadTruth(options_.truth));
    for (const auto& [reason, abused] : {std::pair{v1::ABUSE_REASON_PROMOTIONAL_OVERLAY, "overlay"},
                                         std::pair{v1::ABUSE_REASON_MISMATCH, "mismatch"}}) {
      std::vector<double> positives, negatives;
      for (const v1::Verdict& verdict : verdicts) {
        const auto found = truth.find(verdict.product_id());
        if (found == truth.end() || verdict.kind() == v1::VERDICT_KIND_NOT_SCORED) continue;
        if (found->second == abused) positives.push_back(ProbabilityOf(verdict, reason));
        if (found->second == "clean") negatives.push_back(ProbabilityOf(verdict, reason));
      }
      result_.auc[ReasonName(reason)] = AreaUnderRocIfAny(std::move(negatives), positives);
    }
    return absl::OkStatus();
  }

  const DemoServices& services_;
  const DemoOptions& options_;
  DemoResult result_;
};

}  // namespace

absl::StatusOr<DemoResult> RunDemo(const DemoServices& services, const DemoOptions& options) {
  return Demo(services, options).Run();
}

}  // namespace mannequin
