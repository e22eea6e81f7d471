// score: is this image abusing this listing?
#include "services/mannequin/command_score.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "mannequin/v1/abuse_scorer.grpc.pb.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/evidence_view.h"
#include "services/mannequin/job_view.h"
#include "services/mannequin/rule_findings.h"
#include "services/mannequin/score_many.h"
#include "services/mannequin/terminal.h"

namespace mannequin {

nlohmann::json VerdictJson(const std::string& id, const v1::Verdict& verdict) {
  nlohmann::json line = {{"id", id},
                         {"verdict", VerdictName(verdict.kind())},
                         {"bundle_version", verdict.bundle_version()},
                         {"milliseconds", verdict.milliseconds()},
                         {"probability", nlohmann::json::object()},
                         {"reasons", nlohmann::json::array()}};
  for (const v1::ReasonScore& reason : verdict.reasons()) {
    line["probability"][ReasonName(reason.reason())] = reason.probability();
    line["reasons"].push_back(ReasonName(reason.reason()));
  }
  if (!verdict.not_scored_reason().empty()) line["not_scored_reason"] = verdict.not_scored_reason();
  AddEvidenceJson(verdict, line);
  AddRuleFindings(verdict, line);
  return line;
}

namespace {

// Ten cells wide.
std::string PaintedVerdict(v1::VerdictKind kind) {
  const Colour colour = kind == v1::VERDICT_KIND_CLEAN    ? Colour::kGreen
                        : kind == v1::VERDICT_KIND_REVIEW ? Colour::kYellow
                                                          : Colour::kRed;
  return Painted(absl::StrFormat("%-10s", VerdictName(kind)), colour);
}

}  // namespace

void PrintVerdict(const Invocation& invocation, const std::string& what, const v1::Verdict& verdict) {
  if (invocation.json()) return PrintJson(VerdictJson(what, verdict));
  std::printf("%s  %s  (%.1f ms)\n", PaintedVerdict(verdict.kind()).c_str(), what.c_str(), verdict.milliseconds());
  if (!verdict.not_scored_reason().empty()) std::printf("            %s\n", verdict.not_scored_reason().c_str());
  for (const v1::ReasonScore& reason : verdict.reasons()) {
    std::printf("            %-20s %.3f%s%s\n", ReasonName(reason.reason()).c_str(), reason.probability(),
                reason.detail().empty() ? "" : "  ", reason.detail().c_str());
  }
  PrintRuleFindings(verdict);
  for (const v1::Box& box : verdict.overlay_boxes()) {
    std::printf("            overlay at x %d y %d, %d x %d pixels\n", box.x(), box.y(), box.width(), box.height());
  }
  std::fputs(EvidenceText(verdict, "            ").c_str(), stdout);
}

namespace {

using Stub = v1::AbuseScorer::Stub;

// What is judged, by the flags that name it.
struct ScoreOptions {
  ProductOptions product;
  std::vector<std::string> images;
  bool all = false;
  int scorers = 1;
  std::string from, folder;
  std::string replay, replay_image;
  // What every request has in common.
  v1::ScoreListingRequest like;
};

// Verdicts on standard output; how far it is on standard error, where that is not the same terminal.
class VerdictPrinter {
 public:
  VerdictPrinter(const Invocation& invocation, std::int64_t total)
      : invocation_(invocation), total_(total), progress_(invocation.json() || isatty(STDOUT_FILENO)) {}

  bool operator()(const std::string& name, const absl::StatusOr<v1::Verdict>& verdict) {
    ++done_;
    if (verdict.ok()) {
      PrintVerdict(invocation_, name, *verdict);
    } else if (invocation_.json()) {
      nlohmann::json line = {{"error", std::string(verdict.status().message())}};
      if (!name.empty()) line["id"] = name;
      PrintJson(line);
    } else {
      std::printf("%s  %s\n            %s\n", Painted("ERROR     ", Colour::kRed).c_str(), name.c_str(),
                  std::string(verdict.status().message()).c_str());
    }
    if (!verdict.ok() && fault_.ok()) {
      const std::string message(verdict.status().message());
      const bool named = absl::StrContains(message, name);
      fault_ = absl::Status(verdict.status().code(), named ? message : absl::StrCat(name, ": ", message));
    }
    if (fault_.ok() && verdict->kind() == v1::VERDICT_KIND_NOT_SCORED) {
      fault_ = absl::FailedPreconditionError(absl::StrCat(name, ": ", verdict->not_scored_reason()));
    }
    progress_.Show(CountProgress("score", "listings", done_, total_, absl::ToDoubleSeconds(absl::Now() - begin_)));
    return !Interrupted();
  }
  // Of the first that was not judged.
  const absl::Status& fault() const { return fault_; }

 private:
  const Invocation& invocation_;
  const std::int64_t total_;
  const absl::Time begin_ = absl::Now();
  ProgressLine progress_;
  std::int64_t done_ = 0;
  absl::Status fault_;
};

absl::Status ExplainStream(const Invocation& invocation, const absl::Status& status) {
  if (!absl::IsUnavailable(status)) return status;
  return Explain({grpc::StatusCode::UNAVAILABLE, std::string(status.message())}, invocation.server);
}

// A line a listing, in the file's order; what became of them on standard error.
absl::Status ScoreFile(Invocation& invocation, const ScoreOptions& options) {
  const auto stub = invocation.Stub<v1::AbuseScorer>();
  ScoreManyReport report;
  {
    VerdictPrinter print(invocation, 0);
    absl::StatusOr<ScoreManyReport> scored =
        ScoreMany(ListingsOfFile(options.from, options.folder, options.like), *stub, std::ref(print));
    if (!scored.ok()) return ExplainStream(invocation, scored.status());
    report = *scored;
  }
  std::fprintf(stderr, "%s scored, %s not scored, %s failed, %s lines are no listing, in %s\n",
               WithCommas(report.scored).c_str(), WithCommas(report.not_scored).c_str(),
               WithCommas(report.failed).c_str(), WithCommas(report.rejected).c_str(),
               HumanSeconds(report.seconds).c_str());
  return absl::OkStatus();
}

// The pictures of one listing, in their order.
absl::Status ScorePictures(Invocation& invocation, const ScoreOptions& options) {
  const auto stub = invocation.Stub<v1::AbuseScorer>();
  v1::ScoreListingRequest like = options.like;
  ASSIGN_OR_RETURN(*like.mutable_product(), ProductOf(options.product));
  VerdictPrinter print(invocation, static_cast<std::int64_t>(options.images.size()));
  const absl::StatusOr<ScoreManyReport> report =
      ScoreMany(ListingsOfPictures(options.images, like), *stub, std::ref(print));
  if (!report.ok()) return ExplainStream(invocation, report.status());
  const std::int64_t faults = report->failed + report->rejected + report->not_scored;
  if (faults == 0) return absl::OkStatus();
  if (options.images.size() == 1) return print.fault();
  return absl::Status(print.fault().code(),
                      absl::StrCat(faults, " of ", options.images.size(),
                                   " pictures could not be judged; the first: ", print.fault().message()));
}

absl::Status ScoreStored(Invocation& invocation, const ScoreOptions& options) {
  const auto stub = invocation.Stub<v1::AbuseScorer>();
  v1::ScoreListingRequest request = options.like;
  ASSIGN_OR_RETURN(*request.mutable_product(), ProductOf(options.product));
  request.set_stored(true);
  v1::ScoreListingResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &Stub::ScoreListing, request, &response));
  PrintVerdict(invocation, options.product.id, response.verdict());
  return absl::OkStatus();
}

absl::Status ScoreCatalog(Invocation& invocation, const std::string& policy, int scorers) {
  const auto stub = invocation.Stub<v1::AbuseScorer>();
  v1::ScoreCatalogRequest request;
  request.set_policy(policy);
  request.set_parts(scorers);
  v1::ScoreCatalogResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &Stub::ScoreCatalog, request, &response));
  ProgressLine progress(invocation.json());
  v1::ScoreCatalogProgress scored;
  std::map<v1::VerdictKind, std::int64_t> kinds;
  for (const v1::Job& part : response.jobs()) {
    ASSIGN_OR_RETURN(const v1::Job job, WaitForJob(invocation.Store(), part.id(), progress, true));
    const auto of_part = ProgressOf<v1::ScoreCatalogProgress>(job);
    scored.set_scored(scored.scored() + of_part.scored());
    scored.set_seconds(std::max(scored.seconds(), of_part.seconds()));
    for (const v1::VerdictCount& count : of_part.verdicts()) kinds[count.kind()] += count.listings();
  }
  for (const auto& [kind, listings] : kinds) {
    v1::VerdictCount& count = *scored.add_verdicts();
    count.set_kind(kind);
    count.set_listings(listings);
  }
  if (invocation.json()) {
    PrintJson(JsonValue(scored));
    return absl::OkStatus();
  }
  for (const v1::VerdictCount& count : scored.verdicts()) {
    std::printf("%-10s  %s\n", VerdictName(count.kind()).c_str(), WithCommas(count.listings()).c_str());
  }
  return absl::OkStatus();
}

}  // namespace

void AddScoreCommands(CLI::App& app, Invocation& invocation) {
  const auto options = std::make_shared<ScoreOptions>();
  v1::ScoreListingRequest* const like = &options->like;
  CLI::App* score = app.add_subcommand("score",
                                       "is this image abusing this listing?\n"
                                       "  mannequin score photo.jpg --title \"Red canvas sneaker\" --category Sneaker\n"
                                       "  mannequin score photos/*.jpg --title T --category C    a verdict each\n"
                                       "  mannequin score https://HOST/photo.jpg --title T --category C --evidence 3\n"
                                       "  mannequin score --from listings.jsonl --images photos\n"
                                       "  mannequin score --id B00X      the stored product and image\n"
                                       "  mannequin score --all          every stored listing\n"
                                       "  mannequin score --replay B00X  is its kept verdict what it was?\n"
                                       "  mannequin score queue          verdicts that wait for a person\n"
                                       "  mannequin score photo.jpg --title ... --policy amazon\n"
                                       "  mannequin score policies       whose rules --policy takes\n"
                                       "  mannequin score eval --help    how good the verdicts are");
  score
      ->add_option(
          "IMAGE", options->images,
          "picture files, \"-\" for standard input, or http(s) addresses that the fetcher may ask; exit status "
          "1 when one could not be judged")
      ->type_name("FILE");
  score->add_option("--id", options->product.id, "a stored product");
  CLI::Option* all = score->add_flag("--all", options->all, "every product with a stored image, as a job");
  score->add_option("--scorers", options->scorers, "as many jobs, each of a share of the products, for as many scorers")
      ->check(CLI::Range(1, 64))
      ->needs(all);
  CLI::Option* from =
      score->add_option("--from", options->from, "a file of listings as ingest reads it, \"-\" for standard input")
          ->type_name("FILE");
  score->add_option("--images", options->folder, "folder of their pictures, ID.jpg")
      ->check(CLI::ExistingDirectory)
      ->needs(from);
  CLI::Option* kept = score->add_flag_function(
      "--keep", [like](std::int64_t) { like->set_keep(true); },
      "keep the verdicts under the products' ids (--id for IMAGE), to be reviewed and "
      "replayed; those of stored products are kept anyway");
  CLI::Option* replayed = score->add_option("--replay", options->replay,
                                            "judge again what the kept verdict of this product judged, by the same "
                                            "bundle; exit status 1 when it is not the same");
  score
      ->add_option("--image", options->replay_image,
                   "file of the picture that is replayed, when the store does not have it")
      ->type_name("FILE")
      ->needs(replayed);
  score
      ->add_option_function<int>(
          "--evidence", [like](int n) { like->set_evidence(n); },
          "of a mismatch, so many of the nearest products by picture and by text")
      ->check(CLI::Range(0, 20));
  score->add_option_function<std::string>(
      "--policy", [like](const std::string& name) { like->set_policy(name); },
      "marketplace whose rules the picture must keep too: `mannequin score policies`");
  AddLocalOption(*score, invocation);
  kept->excludes("--local");  // its store goes when the process ends
  AddProductOptions(*score, options->product);
  AddScoreEvalCommand(*score, invocation);
  AddPoliciesCommand(*score, invocation);
  AddScoreReviewCommands(*score, invocation);
  score->callback([&invocation, options, score] {
    if (!score->get_subcommands().empty()) return;
    if (!options->replay.empty()) {
      invocation.run = [&invocation, options] {
        return ReplayVerdict(invocation, options->replay, options->replay_image);
      };
      return;
    }
    if (options->images.empty() && options->product.id.empty() && !options->all && options->from.empty()) {
      throw CLI::ValidationError(
          "score",
          "give IMAGE files or addresses with --title and --category, or --from with --images, or --id, or --all, or "
          "--replay");
    }
    if (!options->from.empty() && options->folder.empty()) {
      throw CLI::ValidationError("--from", "say with --images in which folder the pictures lie");
    }
    if (options->like.keep() && !options->images.empty() && options->product.id.empty()) {
      throw CLI::ValidationError("--keep", "say with --id under which product's id the verdict is kept");
    }
    if (options->like.keep() && options->images.size() > 1) {
      throw CLI::ValidationError("--keep", "a product has one verdict; give one IMAGE");
    }
    invocation.run = [&invocation, options] {
      if (!options->from.empty()) return ScoreFile(invocation, *options);
      if (options->all) return ScoreCatalog(invocation, options->like.policy(), options->scorers);
      return options->images.empty() ? ScoreStored(invocation, *options) : ScorePictures(invocation, *options);
    };
  });
}

}  // namespace mannequin
