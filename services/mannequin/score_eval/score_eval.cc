#include "services/mannequin/score_eval/score_eval.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/base/parallel.h"
#include "common/base/roc.h"
#include "common/base/status_macros.h"
#include "common/base/text_config.h"
#include "common/model/described_product.h"
#include "nlohmann/json.hpp"
#include "services/mannequin/ingest/byte_source.h"
#include "services/mannequin/ingest/catalog_reader.h"
#include "services/mannequin/picture_file.h"
#include "services/mannequin/score_eval/degraded_pictures.h"
#include "services/scorer/scorer.h"
#include "services/trainer/calibration.h"
#include "services/trainer/pack.h"

namespace mannequin {
namespace {

constexpr std::size_t kChunk = 16;  // products whose listings are in memory

struct Answer {
  std::size_t product;
  Abuse abuse;
  std::string script;
  v1::VerdictKind kind;
  double overlay, mismatch;  // probabilities; of NOT_SCORED 0
  double plain;              // the discriminator's logit
};

struct DegradedAnswer {
  std::string what;
  Defect defect;
  std::vector<double> probabilities;  // by Defect
};

double ProbabilityOf(const v1::Verdict& verdict, v1::AbuseReason reason) {
  for (const v1::ReasonScore& score : verdict.reasons()) {
    if (score.reason() == reason) return score.probability();
  }
  return 0;
}

class Evaluation {
 public:
  Evaluation(const ScoreEvalOptions& options, std::shared_ptr<const ScorerModel> model, LoadedGan plain)
      : options_(options),
        model_(std::move(model)),
        plain_(std::move(plain)),
        scorer_({.max_batch = 32, .threads = static_cast<int>(Cores())}) {
    scorer_.Use(model_);
  }

  absl::Status ReadProducts() {
    ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> source, ByteSource::Open(options_.catalog));
    ASSIGN_OR_RETURN(const std::unique_ptr<CatalogReader> reader,
                     CatalogReader::Start(*source, {.catalog = options_.catalog}));
    std::vector<std::pair<double, v1::Product>> held_out;
    while (true) {
      ASSIGN_OR_RETURN(std::unique_ptr<ParsedChunk> chunk, reader->Next());
      if (chunk == nullptr) break;
      for (std::size_t r = 0; r < chunk->used; ++r) {
        for (const v1::Product& product : chunk->requests[r].products()) {
          const double position = SplitPosition(product.id());
          const bool measures = position >= kHeldOutShare * kCalibratingShare && position < kHeldOutShare;
          if (!measures || model_->gan->CategoryIndex(LeafCategory(product)) < 0) continue;
          if (!FindPicture(options_.images, product.id()).empty()) held_out.emplace_back(position, product);
        }
      }
      reader->Recycle(std::move(chunk));
    }
    // In the order of the hash: as good as chance, and the same for every run.
    std::sort(held_out.begin(), held_out.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    const auto most = static_cast<std::size_t>(options_.products);
    for (auto& [position, product] : held_out) {
      if (products_.size() == most) break;
      EvalProduct& kept = products_.emplace_back();
      ASSIGN_OR_RETURN(kept.image, ReadPicture(FindPicture(options_.images, product.id())));
      kept.product = std::move(product);
    }
    if (products_.size() >= 2) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        "--images: ", options_.images, " has pictures of ", products_.size(),
        " held-out products of the bundle's categories; name the folder with the catalogue's pictures, ID.jpg each"));
  }

  absl::StatusOr<ScoreEvalReport> All(const std::function<bool(double)>& progress) {
    for (std::size_t begin = 0; begin < products_.size(); begin += kChunk) {
      RETURN_IF_ERROR(Some(begin, std::min(begin + kChunk, products_.size())));
      if (!progress(static_cast<double>(begin) / static_cast<double>(products_.size()))) {
        return absl::CancelledError("stopped");
      }
    }
    return Report();
  }

 private:
  absl::Status Some(std::size_t begin, std::size_t end) {
    std::vector<absl::StatusOr<std::vector<TestListing>>> made(end - begin, absl::InternalError("not made"));
    ParallelFor(end - begin, 1,
                [&](std::size_t i, std::size_t) { made[i] = ListingsOf(products_, begin + i, options_.seed); });
    std::vector<TestListing> listings;
    for (absl::StatusOr<std::vector<TestListing>>& some : made) {
      RETURN_IF_ERROR(some.status());
      std::move(some->begin(), some->end(), std::back_inserter(listings));
    }
    if (!options_.export_folder.empty()) RETURN_IF_ERROR(Export(listings));
    RETURN_IF_ERROR(Degrade(begin, end));
    std::vector<Listing> asked;
    for (const TestListing& listing : listings) asked.push_back({products_[listing.product].product, listing.image});
    const absl::Time started = absl::Now();
    const std::vector<absl::StatusOr<v1::Verdict>> verdicts = scorer_.ScoreAll(asked);
    seconds_ += absl::ToDoubleSeconds(absl::Now() - started);
    ASSIGN_OR_RETURN(const std::vector<double> plain, PlainLogits(listings));
    for (std::size_t i = 0; i < listings.size(); ++i) {
      RETURN_IF_ERROR(verdicts[i].status());
      answers_.push_back({listings[i].product, listings[i].abuse, listings[i].script, verdicts[i]->kind(),
                          ProbabilityOf(*verdicts[i], v1::ABUSE_REASON_PROMOTIONAL_OVERLAY),
                          ProbabilityOf(*verdicts[i], v1::ABUSE_REASON_MISMATCH), plain[i]});
    }
    return absl::OkStatus();
  }

  // LOW_QUALITY of the honest pictures and of what is made of them: rules of the scorer, asked alone.
  absl::Status Degrade(std::size_t begin, std::size_t end) {
    struct Answered {
      absl::Status status;
      std::vector<double> honest;
      std::vector<DegradedAnswer> degraded;
    };
    std::vector<Answered> answered(end - begin);
    const auto answer = [&](std::size_t i) -> absl::Status {
      ASSIGN_OR_RETURN(answered[i].honest, DefectsOf(products_[begin + i].image));
      ASSIGN_OR_RETURN(const std::vector<DegradedPicture> made, DegradedOf(products_, begin + i, options_.seed));
      for (const DegradedPicture& picture : made) {
        ASSIGN_OR_RETURN(std::vector<double> probabilities, DefectsOf(picture.image));
        answered[i].degraded.push_back({picture.what, picture.defect, std::move(probabilities)});
      }
      return absl::OkStatus();
    };
    ParallelFor(end - begin, 1, [&](std::size_t i, std::size_t) { answered[i].status = answer(i); });
    for (Answered& some : answered) {
      RETURN_IF_ERROR(some.status);
      honest_defects_.push_back(std::move(some.honest));
      std::move(some.degraded.begin(), some.degraded.end(), std::back_inserter(degraded_));
    }
    return absl::OkStatus();
  }

  void AddQualityRows(ScoreEvalReport& report) const {
    const auto highest = [](const std::vector<double>& of) { return *std::max_element(of.begin(), of.end()); };
    std::vector<double> clean;
    for (const std::vector<double>& honest : honest_defects_) clean.push_back(highest(honest));
    std::vector<std::string> kinds;
    std::map<std::string, std::vector<double>> abuse;
    for (const DegradedAnswer& degraded : degraded_) {
      if (abuse.count(degraded.what) == 0) kinds.push_back(degraded.what);
      abuse[degraded.what].push_back(highest(degraded.probabilities));
    }
    for (const std::string& kind : kinds) {
      const std::vector<double>& found = abuse[kind];
      report.rows.push_back({"LOW_QUALITY", kind, clean.size(), found.size(), AreaUnderRoc(clean, found),
                             AveragePrecision(clean, found), FalseAlarms(clean, found, 0.95),
                             ShareFound(clean, found, 0.01), ShareFound(clean, found, 0.002), std::nullopt});
    }
    for (int i = 0; i < kDefects; ++i) {
      DefectShare share{DefectName(static_cast<Defect>(i)), honest_defects_.size(), 0};
      for (const std::vector<double>& honest : honest_defects_) {
        share.share += honest[static_cast<std::size_t>(i)] > kQualityReview ? 1.0 : 0.0;
      }
      share.share /= static_cast<double>(std::max<std::size_t>(share.pictures, 1));
      report.honest_defects.push_back(std::move(share));
    }
  }

  absl::Status Export(const std::vector<TestListing>& listings) {
    for (const TestListing& listing : listings) {
      const v1::Product& product = products_[listing.product].product;
      const std::string name = absl::StrFormat("%06d.jpg", exported_++);
      RETURN_IF_ERROR(WriteFileAtomically(absl::StrCat(options_.export_folder, "/", name), listing.image));
      const nlohmann::json line = {{"id", product.id()},
                                   {"image", name},
                                   {"abuse", AbuseName(listing.abuse)},
                                   {"overlay", IsOverlay(listing.abuse)},
                                   {"script", listing.script},
                                   {"category", LeafCategory(product)},
                                   {"title", product.title()}};
      absl::StrAppend(&exported_lines_, line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), "\n");
    }
    return WriteFileAtomically(absl::StrCat(options_.export_folder, "/listings.jsonl"), exported_lines_);
  }

  // What the prototype would have said: the discriminator, asked about picture and text.
  absl::StatusOr<std::vector<double>> PlainLogits(const std::vector<TestListing>& listings) const {
    std::vector<Pixels> images(listings.size());
    std::vector<std::vector<float>> texts;
    std::vector<absl::Status> decoded(listings.size());
    DecodeOptions decode;
    decode.resize_to = plain_.judged_side();
    ParallelFor(listings.size(), 4, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) {
        absl::StatusOr<Pixels> pixels = DecodeImage(listings[i].image, decode);
        decoded[i] = pixels.status();
        if (pixels.ok()) images[i] = *std::move(pixels);
      }
    });
    for (std::size_t i = 0; i < listings.size(); ++i) {
      RETURN_IF_ERROR(decoded[i]);
      ASSIGN_OR_RETURN(EncodedText text, model_->text->Encode(ProductText(products_[listings[i].product].product)));
      texts.push_back(std::move(text.values));
    }
    ASSIGN_OR_RETURN(const std::vector<Judgement> said, Discriminate(plain_, images, texts));
    std::vector<double> logits;
    for (const Judgement& judgement : said) logits.push_back(judgement.match);
    return logits;
  }

  template <typename Condition>
  std::vector<const Answer*> Where(const Condition& condition) const {
    std::vector<const Answer*> found;
    for (const Answer& answer : answers_) {
      if (condition(answer)) found.push_back(&answer);
    }
    return found;
  }

  // Left out when there is nothing to compare.
  void AddRow(ScoreEvalReport& report, const std::string& reason, std::string what,
              const std::vector<const Answer*>& honest, const std::vector<const Answer*>& abused) const {
    if (honest.empty() || abused.empty()) return;
    const auto scores = [&](const std::vector<const Answer*>& answers, bool plain) {
      std::vector<double> of;
      for (const Answer* a : answers) of.push_back(plain ? -a->plain : reason == kMismatch ? a->mismatch : a->overlay);
      return of;
    };
    const std::vector<double> clean = scores(honest, false), abuse = scores(abused, false);
    report.rows.push_back({reason, std::move(what), honest.size(), abused.size(), AreaUnderRoc(clean, abuse),
                           AveragePrecision(clean, abuse), FalseAlarms(clean, abuse, 0.95),
                           ShareFound(clean, abuse, 0.01), ShareFound(clean, abuse, 0.002),
                           AreaUnderRoc(scores(honest, true), scores(abused, true))});
  }

  ScoreEvalReport Report() const {
    ScoreEvalReport report;
    report.bundle_version = model_->manifest.version();
    report.products = products_.size();
    report.milliseconds = 1e3 * seconds_ / static_cast<double>(answers_.size());
    std::set<std::string> categories, scripts;
    for (const EvalProduct& product : products_) categories.insert(LeafCategory(product.product));
    report.categories = categories.size();
    const auto honest = Where([](const Answer& a) { return a.abuse == Abuse::kNone; });
    const auto overlaid = Where([](const Answer& a) { return IsOverlay(a.abuse); });
    AddRow(report, kPromotionalOverlay, "every overlay", honest, overlaid);
    for (int i = 0; i < kAbuses; ++i) {
      const auto abuse = static_cast<Abuse>(i);
      if (abuse == Abuse::kNone) continue;
      AddRow(report, IsOverlay(abuse) ? kPromotionalOverlay : kMismatch, AbuseName(abuse), honest,
             Where([&](const Answer& a) { return a.abuse == abuse; }));
    }
    const auto printed = Where([&](const Answer& a) {
      return a.abuse == Abuse::kNone && std::count(options_.printed.begin(), options_.printed.end(),
                                                   LeafCategory(products_[a.product].product)) > 0;
    });
    AddRow(report, kPromotionalOverlay, "every overlay, printed products the only honest ones", printed, overlaid);
    for (const Answer* answer : overlaid) scripts.insert(answer->script);
    for (const std::string& script : scripts) {
      AddRow(report, kPromotionalOverlay, absl::StrCat("script: ", script), honest,
             Where([&](const Answer& a) { return a.abuse == Abuse::kOverlay && a.script == script; }));
    }
    std::map<std::string, std::size_t> most;
    for (const Answer* answer : honest) ++most[LeafCategory(products_[answer->product].product)];
    for (const auto& [category, count] : most) {
      if (count < 25) continue;
      const auto of_category = [&, name = category](const Answer& a) {
        return LeafCategory(products_[a.product].product) == name;
      };
      AddRow(report, kPromotionalOverlay, absl::StrCat("category: ", category),
             Where([&](const Answer& a) { return a.abuse == Abuse::kNone && of_category(a); }),
             Where([&](const Answer& a) { return a.abuse == Abuse::kOverlay && of_category(a); }));
      AddRow(report, kMismatch, absl::StrCat("category: ", category),
             Where([&](const Answer& a) { return a.abuse == Abuse::kNone && of_category(a); }),
             Where([&](const Answer& a) { return a.abuse == Abuse::kOtherCategory && of_category(a); }));
    }
    AddQualityRows(report);
    for (int i = 0; i < kAbuses; ++i) AddVerdicts(report, static_cast<Abuse>(i));
    std::vector<double> clean, abused;
    for (const Answer* a : honest) clean.push_back(a->overlay);
    for (const Answer* a : overlaid) abused.push_back(a->overlay);
    report.overlay_calibration_error = ExpectedCalibrationError(clean, abused);
    clean.clear();
    abused.clear();
    for (const Answer* a : honest) clean.push_back(a->mismatch);
    for (const Answer& a : answers_) {
      if (a.abuse == Abuse::kOtherCategory || a.abuse == Abuse::kOtherColor) abused.push_back(a.mismatch);
    }
    if (!abused.empty()) report.mismatch_calibration_error = ExpectedCalibrationError(clean, abused);
    return report;
  }

  void AddVerdicts(ScoreEvalReport& report, Abuse abuse) const {
    VerdictShares shares;
    shares.what = AbuseName(abuse);
    for (const Answer& answer : answers_) {
      if (answer.abuse != abuse) continue;
      ++shares.listings;
      shares.clean += answer.kind == v1::VERDICT_KIND_CLEAN ? 1 : 0;
      shares.review += answer.kind == v1::VERDICT_KIND_REVIEW ? 1 : 0;
      shares.abuse += answer.kind == v1::VERDICT_KIND_ABUSE ? 1 : 0;
      shares.not_scored += answer.kind == v1::VERDICT_KIND_NOT_SCORED ? 1 : 0;
    }
    if (shares.listings == 0) return;
    for (double* share : {&shares.clean, &shares.review, &shares.abuse, &shares.not_scored}) {
      *share /= static_cast<double>(shares.listings);
    }
    report.verdicts.push_back(shares);
  }

  const ScoreEvalOptions& options_;
  const std::shared_ptr<const ScorerModel> model_;
  const LoadedGan plain_;
  Scorer scorer_;
  std::vector<EvalProduct> products_;
  std::vector<Answer> answers_;
  std::vector<std::vector<double>> honest_defects_;  // by Defect, of each product's own picture
  std::vector<DegradedAnswer> degraded_;
  double seconds_ = 0;
  int exported_ = 0;
  std::string exported_lines_;
};

}  // namespace

absl::StatusOr<ScoreEvalReport> EvaluateScoring(const ScoreEvalOptions& options,
                                                const std::function<bool(double)>& progress) {
  v1::BundleManifest manifest;
  RETURN_IF_ERROR(ReadTextConfig(options.bundle_folder + "/manifest.textproto", &manifest));
  ASSIGN_OR_RETURN(const std::shared_ptr<const ScorerModel> model,
                   LoadScorerModel(manifest, options.bundle_folder, options.device));
  if (!model->gan) {
    return absl::FailedPreconditionError(
        absl::StrCat("bundle ", manifest.version(), " has an embedding only; train it with `mannequin train start`"));
  }
  ASSIGN_OR_RETURN(LoadedGan plain, LoadGan(manifest, options.bundle_folder, options.device,
                                            {.generator = false, .discriminator = true, .judge = false}));
  Evaluation evaluation(options, model, std::move(plain));
  RETURN_IF_ERROR(evaluation.ReadProducts());
  return evaluation.All(progress);
}

}  // namespace mannequin
