// score queue | review | reviews: what waits for a person, a person's decision, and how far they agree.
#include <algorithm>
#include <cstdio>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/base/utf8.h"
#include "mannequin/v1/abuse_scorer.grpc.pb.h"
#include "mannequin/v1/product_store.grpc.pb.h"
#include "services/mannequin/command_score.h"
#include "services/mannequin/job_view.h"
#include "services/mannequin/review_agreement.h"
#include "services/mannequin/terminal.h"

namespace mannequin {
namespace {

using StoreStub = v1::ProductStore::Stub;

constexpr std::size_t kTitleBytes = 60;

const std::map<std::string, v1::VerdictKind> kDecisions = {{"clean", v1::VERDICT_KIND_CLEAN},
                                                           {"abuse", v1::VERDICT_KIND_ABUSE}};
const std::map<std::string, v1::AbuseReason> kReasons = {{"overlay", v1::ABUSE_REASON_PROMOTIONAL_OVERLAY},
                                                         {"mismatch", v1::ABUSE_REASON_MISMATCH},
                                                         {"placeholder", v1::ABUSE_REASON_PLACEHOLDER},
                                                         {"low_quality", v1::ABUSE_REASON_LOW_QUALITY},
                                                         {"policy", v1::ABUSE_REASON_POLICY}};

std::string TimeText(const google::protobuf::Timestamp& time) {
  return absl::FormatTime(absl::RFC3339_sec, absl::FromUnixSeconds(time.seconds()), absl::UTCTimeZone());
}

// Cut at a character's edge.
std::string Shortened(const std::string& text) {
  if (text.size() <= kTitleBytes) return text;
  std::size_t end = 0;
  while (true) {
    const std::size_t next = end + std::max<std::size_t>(1, Utf8Length(text, end));
    if (next > kTitleBytes) return absl::StrCat(text.substr(0, end), "...");
    end = next;
  }
}

std::string ShareText(const std::optional<double>& share) {
  return share ? absl::StrFormat("%.1f %%", 100 * *share) : "-";
}
nlohmann::json ShareJson(const std::optional<double>& share) { return share ? nlohmann::json(*share) : nullptr; }

std::vector<std::string> NamesOf(const google::protobuf::RepeatedField<int>& reasons) {
  std::vector<std::string> names;
  for (const int reason : reasons) names.push_back(ReasonName(static_cast<v1::AbuseReason>(reason)));
  return names;
}

// What was judged, for `line`.
void AddListing(const v1::Product& listing, nlohmann::json& line) {
  line["title"] = listing.title();
  line["category_path"] = std::vector<std::string>(listing.category_path().begin(), listing.category_path().end());
  line["brand"] = listing.brand();
  line["attributes"] = nlohmann::json::object();
  for (const v1::Attribute& attribute : listing.attributes()) line["attributes"][attribute.name()] = attribute.value();
}

// A line of training data: the listing, its picture's hash, what a person decided and what the scorer had said.
nlohmann::json ReviewJson(const v1::Review& review) {
  const v1::Verdict& verdict = review.verdict();
  nlohmann::json line = {{"id", review.product_id()},
                         {"image_sha256", review.image_sha256()},
                         {"decision", VerdictName(review.decision())},
                         {"reasons", NamesOf(review.reasons())},
                         {"reviewer", review.reviewer()},
                         {"note", review.note()},
                         {"reviewed_at", TimeText(review.reviewed_at())},
                         {"verdict", VerdictName(verdict.kind())},
                         {"probability", nlohmann::json::object()},
                         {"bundle_version", verdict.bundle_version()},
                         {"rules_version", verdict.rules_version()},
                         {"policy", verdict.policy()}};
  AddListing(verdict.listing(), line);
  for (const v1::ReasonScore& reason : verdict.reasons()) {
    line["probability"][ReasonName(reason.reason())] = reason.probability();
  }
  return line;
}

struct QueueOptions {
  std::string kind;
  std::int64_t limit = 100;
};

// ABUSE first. All kinds that a person should look at.
absl::Status Queue(Invocation& invocation, const QueueOptions& options) {
  const auto stub = invocation.Stub<v1::ProductStore>();
  std::vector<std::vector<std::string>> rows;
  std::int64_t shown = 0;
  bool more = false;
  for (const v1::VerdictKind kind : {v1::VERDICT_KIND_ABUSE, v1::VERDICT_KIND_REVIEW}) {
    if (!options.kind.empty() && (options.kind == "abuse") != (kind == v1::VERDICT_KIND_ABUSE)) continue;
    v1::ListVerdictsRequest request;
    request.set_kind(kind);
    request.set_unreviewed(true);
    do {
      v1::ListVerdictsResponse page;
      RETURN_IF_ERROR(Call(invocation, *stub, &StoreStub::ListVerdicts, request, &page));
      for (const v1::Verdict& verdict : page.verdicts()) {
        if (options.limit > 0 && shown == options.limit) {
          more = true;
          break;
        }
        ++shown;
        if (invocation.json()) {
          nlohmann::json line = VerdictJson(verdict.product_id(), verdict);
          line["image_sha256"] = verdict.image_sha256();
          line["scored_at"] = TimeText(verdict.scored_at());
          AddListing(verdict.listing(), line);
          PrintJson(line);
          continue;
        }
        const bool has_reason = !verdict.reasons().empty();
        rows.push_back({verdict.product_id(), VerdictName(kind),
                        has_reason ? ReasonName(verdict.reasons(0).reason()) : "",
                        has_reason ? absl::StrFormat("%.3f", verdict.reasons(0).probability()) : "",
                        TimeText(verdict.scored_at()), Shortened(verdict.listing().title())});
      }
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty() && !more && !Interrupted());
  }
  if (!invocation.json()) {
    std::fputs(FormatTable({"product", "verdict", "reason", "probability", "scored", "title"}, rows,
                           {false, false, false, true})
                   .c_str(),
               stdout);
  }
  if (more) std::fprintf(stderr, "more wait than these %lld; --limit shows more\n", static_cast<long long>(shown));
  return absl::OkStatus();
}

struct ReviewOptions {
  std::string id;
  std::string decision;
  std::vector<std::string> reasons;
  std::string reviewer;
  std::string note;
  std::string picture;
};

absl::Status Review(Invocation& invocation, const ReviewOptions& options) {
  const auto store = invocation.Stub<v1::ProductStore>();
  v1::GetVerdictRequest get;
  get.set_product_id(options.id);
  v1::GetVerdictResponse found;
  RETURN_IF_ERROR(Call(invocation, *store, &StoreStub::GetVerdict, get, &found));
  v1::SubmitReviewRequest request;
  request.set_product_id(options.id);
  request.set_image_sha256(options.picture.empty() ? found.verdict().image_sha256() : options.picture);
  request.set_decision(kDecisions.at(options.decision));
  for (const std::string& reason : options.reasons) request.add_reasons(kReasons.at(reason));
  request.set_reviewer(options.reviewer);
  request.set_note(options.note);
  const auto stub = invocation.Stub<v1::AbuseScorer>();
  v1::SubmitReviewResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &v1::AbuseScorer::Stub::SubmitReview, request, &response));
  const v1::Review& review = response.review();
  if (invocation.json()) {
    PrintJson(ReviewJson(review));
    return absl::OkStatus();
  }
  PrintVerdict(invocation, options.id + ", the verdict", review.verdict());
  const std::string reasons = absl::StrJoin(NamesOf(review.reasons()), ", ");
  std::printf("%-10s  decided by %s%s%s\n", VerdictName(review.decision()).c_str(), review.reviewer().c_str(),
              reasons.empty() ? "" : ": ", reasons.c_str());
  return absl::OkStatus();
}

void PrintAgreement(const ReviewAgreement& agreement) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [kind, counts] : agreement.kinds()) {
    rows.push_back(
        {VerdictName(kind), WithCommas(counts.clean), WithCommas(counts.abuse), ShareText(AgreedShare(kind, counts))});
  }
  std::fputs(
      FormatTable({"verdict", "decided clean", "decided abuse", "agreed"}, rows, {false, true, true, true}).c_str(),
      stdout);
  rows.clear();
  for (const auto& [reason, counts] : agreement.reasons()) {
    rows.push_back({ReasonName(reason), WithCommas(counts.confirmed), WithCommas(counts.other),
                    WithCommas(counts.clean), WithCommas(counts.missed)});
  }
  std::fputs("\n", stdout);
  std::fputs(FormatTable({"highest reason", "confirmed", "abuse for another", "decided clean", "missed by CLEAN"}, rows,
                         {false, true, true, true, true})
                 .c_str(),
             stdout);
  std::printf("\n%s reviews; of the verdicts CLEAN and ABUSE, %s agreed with\n",
              WithCommas(agreement.reviews()).c_str(), ShareText(agreement.Share()).c_str());
}

nlohmann::json AgreementJson(const ReviewAgreement& agreement) {
  nlohmann::json json = {{"reviews", agreement.reviews()},
                         {"agreed", ShareJson(agreement.Share())},
                         {"verdicts", nlohmann::json::array()},
                         {"reasons", nlohmann::json::array()}};
  for (const auto& [kind, counts] : agreement.kinds()) {
    json["verdicts"].push_back({{"verdict", VerdictName(kind)},
                                {"clean", counts.clean},
                                {"abuse", counts.abuse},
                                {"agreed", ShareJson(AgreedShare(kind, counts))}});
  }
  for (const auto& [reason, counts] : agreement.reasons()) {
    json["reasons"].push_back({{"reason", ReasonName(reason)},
                               {"confirmed", counts.confirmed},
                               {"other", counts.other},
                               {"clean", counts.clean},
                               {"missed", counts.missed}});
  }
  return json;
}

absl::Status Reviews(Invocation& invocation, const std::string& path) {
  const auto stub = invocation.Stub<v1::ProductStore>();
  ReviewAgreement agreement;
  std::string lines;
  v1::ListReviewsRequest request;
  do {
    v1::ListReviewsResponse page;
    RETURN_IF_ERROR(Call(invocation, *stub, &StoreStub::ListReviews, request, &page));
    for (const v1::Review& review : page.reviews()) {
      agreement.Add(review);
      if (!path.empty()) absl::StrAppend(&lines, ReviewJson(review).dump(), "\n");
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  if (!path.empty()) {
    RETURN_IF_ERROR(WriteFileAtomically(path, lines));
    std::fprintf(stderr, "%s reviews in %s\n", WithCommas(agreement.reviews()).c_str(), path.c_str());
  }
  if (invocation.json()) {
    PrintJson(AgreementJson(agreement));
  } else {
    PrintAgreement(agreement);
  }
  return absl::OkStatus();
}

template <typename Value>
std::vector<std::string> WordsOf(const std::map<std::string, Value>& words) {
  std::vector<std::string> names;
  for (const auto& [name, value] : words) names.push_back(name);
  return names;
}

}  // namespace

void AddScoreReviewCommands(CLI::App& score, Invocation& invocation) {
  const auto queue = std::make_shared<QueueOptions>();
  CLI::App* list = score.add_subcommand("queue",
                                        "kept verdicts ABUSE and REVIEW that nobody has reviewed, a line each\n"
                                        "  mannequin score queue --kind review");
  list->add_option("--kind", queue->kind, "only these")->check(CLI::IsMember({"abuse", "review"}));
  list->add_option("--limit", queue->limit, "at most so many; 0: all")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1'000'000'000}))
      ->capture_default_str();
  list->callback([&invocation, queue] { invocation.run = [&invocation, queue] { return Queue(invocation, *queue); }; });

  const auto options = std::make_shared<ReviewOptions>();
  CLI::App* review = score.add_subcommand(
      "review",
      "keep what a person decided of the kept verdict of a product\n"
      "  mannequin score review B00X --decision abuse --reason overlay --reviewer kim --note \"a price\"");
  review->add_option("PRODUCT", options->id, "whose verdict is kept: `mannequin score queue`")
      ->required()
      ->check(Utf8());
  review->add_option("--decision", options->decision, "clean or abuse")
      ->required()
      ->check(CLI::IsMember(WordsOf(kDecisions)));
  review->add_option("--reason", options->reasons, "why it is abuse; repeatable")
      ->check(CLI::IsMember(WordsOf(kReasons)))
      ->take_all()
      ->allow_extra_args(false);
  review->add_option("--reviewer", options->reviewer, "who decided")->required()->check(Utf8());
  review->add_option("--note", options->note, "kept with the decision")->check(Utf8());
  review->add_option("--picture", options->picture,
                     "SHA-256 of the picture that was looked at; refused when the verdict is of another (that of the "
                     "verdict)");
  review->callback(
      [&invocation, options] { invocation.run = [&invocation, options] { return Review(invocation, *options); }; });

  const auto path = std::make_shared<std::string>();
  CLI::App* reviews =
      score.add_subcommand("reviews",
                           "how far reviewers agree with the verdicts; their decisions as training data\n"
                           "  mannequin score reviews --export reviews.jsonl");
  reviews->add_option("--export", *path, "file that gets a line of JSON a review; replaced when it is there")
      ->type_name("FILE");
  reviews->callback(
      [&invocation, path] { invocation.run = [&invocation, path] { return Reviews(invocation, *path); }; });
}

}  // namespace mannequin
