// score: is this image abusing this listing?
#include "services/mannequin/command_score.h"

#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/file.h"
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

void PrintVerdict(const Invocation& invocation, const std::string& what, const v1::Verdict& verdict) {
  if (invocation.json()) return PrintJson(VerdictJson(what, verdict));
  std::printf("%-10s  %s  (%.1f ms)\n", VerdictName(verdict.kind()).c_str(), what.c_str(), verdict.milliseconds());
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

// A line a listing, in the file's order; what became of them on standard error.
absl::Status ScoreFile(Invocation& invocation, const ScoreManyOptions& options) {
  const auto stub = v1::AbuseScorer::NewStub(invocation.Channel());
  const auto show = [&](const std::string& id, const absl::StatusOr<v1::Verdict>& verdict) {
    if (verdict.ok()) {
      PrintVerdict(invocation, id, *verdict);
    } else if (invocation.json()) {
      nlohmann::json line = {{"error", std::string(verdict.status().message())}};
      if (!id.empty()) line["id"] = id;
      PrintJson(line);
    } else {
      std::printf("%-10s  %s\n            %s\n", "ERROR", id.c_str(), std::string(verdict.status().message()).c_str());
    }
    return !Interrupted();
  };
  ASSIGN_OR_RETURN(const ScoreManyReport report, ScoreMany(options, *stub, show));
  std::fprintf(stderr, "%s scored, %s not scored, %s failed, %s lines are no listing, in %s\n",
               WithCommas(report.scored).c_str(), WithCommas(report.not_scored).c_str(),
               WithCommas(report.failed).c_str(), WithCommas(report.rejected).c_str(),
               HumanSeconds(report.seconds).c_str());
  return absl::OkStatus();
}

bool IsUrl(const std::string& image) {
  return absl::StartsWithIgnoreCase(image, "http://") || absl::StartsWithIgnoreCase(image, "https://");
}

absl::Status Score(Invocation& invocation, const ProductOptions& options, const std::vector<std::string>& images,
                   bool keep, int evidence, const std::string& policy) {
  const auto stub = v1::AbuseScorer::NewStub(invocation.Channel());
  v1::ScoreListingRequest request;
  ASSIGN_OR_RETURN(*request.mutable_product(), ProductOf(options));
  request.set_keep(keep);
  request.set_evidence(evidence);
  request.set_policy(policy);
  if (images.empty()) {
    request.set_stored(true);
    v1::ScoreListingResponse response;
    RETURN_IF_ERROR(Call(invocation, *stub, &Stub::ScoreListing, request, &response));
    PrintVerdict(invocation, options.id, response.verdict());
    return absl::OkStatus();
  }
  for (const std::string& path : images) {
    if (IsUrl(path)) {
      request.set_image_url(path);
    } else {
      ASSIGN_OR_RETURN(*request.mutable_image(), ReadFile(path));
    }
    v1::ScoreListingResponse response;
    const absl::Status status = Call(invocation, *stub, &Stub::ScoreListing, request, &response);
    if (!status.ok()) return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
    PrintVerdict(invocation, path, response.verdict());
  }
  return absl::OkStatus();
}

absl::Status ScoreCatalog(Invocation& invocation, const std::string& policy) {
  const auto stub = v1::AbuseScorer::NewStub(invocation.Channel());
  v1::ScoreCatalogRequest request;
  request.set_policy(policy);
  v1::ScoreCatalogResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &Stub::ScoreCatalog, request, &response));
  ProgressLine progress(invocation.json());
  ASSIGN_OR_RETURN(const v1::Job job, WaitForJob(invocation.Store(), response.job().id(), progress, true));
  const auto scored = ProgressOf<v1::ScoreCatalogProgress>(job);
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
  const auto product = std::make_shared<ProductOptions>();
  const auto images = std::make_shared<std::vector<std::string>>();
  const auto all = std::make_shared<bool>(false);
  const auto many = std::make_shared<ScoreManyOptions>();
  const auto replay = std::make_shared<std::string>();
  const auto picture = std::make_shared<std::string>();
  const auto evidence = std::make_shared<int>(0);
  CLI::App* score = app.add_subcommand("score",
                                       "is this image abusing this listing?\n"
                                       "  mannequin score photo.jpg --title \"Red canvas sneaker\" --category Sneaker\n"
                                       "  mannequin score https://HOST/photo.jpg --title T --category C --evidence 3\n"
                                       "  mannequin score --from listings.jsonl --images photos\n"
                                       "  mannequin score --id B00X      the stored product and image\n"
                                       "  mannequin score --all          every stored listing\n"
                                       "  mannequin score --replay B00X  is its kept verdict what it was?\n"
                                       "  mannequin score queue          verdicts that wait for a person\n"
                                       "  mannequin score photo.jpg --title ... --policy amazon\n"
                                       "  mannequin score policies       whose rules --policy takes\n"
                                       "  mannequin score eval --help    how good the verdicts are");
  score->add_option("IMAGE", *images, "picture files, or http(s) addresses that the fetcher may ask");
  score->add_option("--id", product->id, "a stored product");
  score->add_flag("--all", *all);
  CLI::Option* from =
      score->add_option("--from", many->from, "a file of listings as ingest reads it, \"-\" for standard input");
  score->add_option("--images", many->images, "folder of their pictures, ID.jpg")
      ->check(CLI::ExistingDirectory)
      ->needs(from);
  CLI::Option* kept = score->add_flag("--keep", many->keep,
                                      "keep the verdicts under the products' ids (--id for IMAGE), to be reviewed and "
                                      "replayed; those of stored products are kept anyway");
  CLI::Option* replayed = score->add_option("--replay", *replay,
                                            "judge again what the kept verdict of this product judged, by the same "
                                            "bundle; exit status 1 when it is not the same");
  score->add_option("--image", *picture, "file of the picture that is replayed, when the store does not have it")
      ->needs(replayed);
  score->add_option("--evidence", *evidence, "of a mismatch, so many of the nearest products by picture and by text")
      ->check(CLI::Range(0, 20));
  score->add_option("--policy", many->policy,
                    "marketplace whose rules the picture must keep too: `mannequin score policies`");
  AddLocalOption(*score, invocation);
  kept->excludes("--local");  // its store goes when the process ends
  AddProductOptions(*score, *product);
  AddScoreEvalCommand(*score, invocation);
  AddPoliciesCommand(*score, invocation);
  AddScoreReviewCommands(*score, invocation);
  score->callback([&invocation, product, images, all, many, evidence, replay, picture, score] {
    if (!score->get_subcommands().empty()) return;
    if (!replay->empty()) {
      invocation.run = [&invocation, replay, picture] { return ReplayVerdict(invocation, *replay, *picture); };
      return;
    }
    if (images->empty() + product->id.empty() + !*all + many->from.empty() == 4) {
      throw CLI::ValidationError(
          "score",
          "give IMAGE files or addresses with --title and --category, or --from with --images, or --id, or --all, or "
          "--replay");
    }
    if (!many->from.empty() && many->images.empty()) {
      throw CLI::ValidationError("--from", "say with --images in which folder the pictures lie");
    }
    if (many->keep && !images->empty() && product->id.empty()) {
      throw CLI::ValidationError("--keep", "say with --id under which product's id the verdict is kept");
    }
    if (many->keep && images->size() > 1) {
      throw CLI::ValidationError("--keep", "a product has one verdict; give one IMAGE");
    }
    invocation.run = [&invocation, product, images, all, many, evidence] {
      many->evidence = *evidence;
      if (!many->from.empty()) return ScoreFile(invocation, *many);
      return *all ? ScoreCatalog(invocation, many->policy)
                  : Score(invocation, *product, *images, many->keep, *evidence, many->policy);
    };
  });
}

}  // namespace mannequin
