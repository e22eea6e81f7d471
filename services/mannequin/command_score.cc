// score: is this image abusing this listing?
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "mannequin/v1/abuse_scorer.grpc.pb.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/job_view.h"

namespace mannequin {
namespace {

using Stub = v1::AbuseScorer::Stub;

void Print(const Invocation& invocation, const std::string& what, const v1::Verdict& verdict) {
  if (invocation.json()) {
    nlohmann::json line = {{"id", what},
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
    PrintJson(line);
    return;
  }
  std::printf("%-10s  %s  (%.1f ms)\n", VerdictName(verdict.kind()).c_str(), what.c_str(), verdict.milliseconds());
  if (!verdict.not_scored_reason().empty()) std::printf("            %s\n", verdict.not_scored_reason().c_str());
  for (const v1::ReasonScore& reason : verdict.reasons()) {
    std::printf("            %-20s %.3f\n", ReasonName(reason.reason()).c_str(), reason.probability());
  }
  for (const v1::Box& box : verdict.overlay_boxes()) {
    std::printf("            overlay at x %d y %d, %d x %d pixels\n", box.x(), box.y(), box.width(), box.height());
  }
}

absl::Status Score(Invocation& invocation, const ProductOptions& options, const std::vector<std::string>& images) {
  const auto stub = v1::AbuseScorer::NewStub(invocation.Channel());
  v1::ScoreListingRequest request;
  ASSIGN_OR_RETURN(*request.mutable_product(), ProductOf(options));
  if (images.empty()) {
    request.set_stored(true);
    v1::ScoreListingResponse response;
    RETURN_IF_ERROR(Call(invocation, *stub, &Stub::ScoreListing, request, &response));
    Print(invocation, options.id, response.verdict());
    return absl::OkStatus();
  }
  for (const std::string& path : images) {
    ASSIGN_OR_RETURN(*request.mutable_image(), ReadFile(path));
    v1::ScoreListingResponse response;
    const absl::Status status = Call(invocation, *stub, &Stub::ScoreListing, request, &response);
    if (!status.ok()) return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
    Print(invocation, path, response.verdict());
  }
  return absl::OkStatus();
}

absl::Status ScoreCatalog(Invocation& invocation) {
  const auto stub = v1::AbuseScorer::NewStub(invocation.Channel());
  v1::ScoreCatalogResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &Stub::ScoreCatalog, v1::ScoreCatalogRequest(), &response));
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
  CLI::App* score = app.add_subcommand("score",
                                       "is this image abusing this listing?\n"
                                       "  mannequin score photo.jpg --title \"Red canvas sneaker\" --category Sneaker\n"
                                       "  mannequin score --id B00X      the stored product and image\n"
                                       "  mannequin score --all          every stored listing");
  score->add_option("IMAGE", *images, "picture files");
  score->add_option("--id", product->id, "a stored product");
  score->add_flag("--all", *all);
  AddProductOptions(*score, *product);
  score->callback([&invocation, product, images, all] {
    if (images->empty() + product->id.empty() + !*all == 3) {
      throw CLI::ValidationError("score", "give IMAGE files with --title and --category, or --id, or --all");
    }
    invocation.run = [&invocation, product, images, all] {
      return *all ? ScoreCatalog(invocation) : Score(invocation, *product, *images);
    };
  });
}

}  // namespace mannequin
