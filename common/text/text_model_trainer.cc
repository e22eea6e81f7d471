// TextModel::Train.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/check_range.h"
#include "common/base/random.h"
#include "common/base/status_macros.h"
#include "common/text/kernels.h"
#include "common/text/normalizer.h"
#include "common/text/product_labels.h"
#include "common/text/text_model.h"
#include "common/text/unit_length.h"

namespace mannequin {
namespace {

using Stage = TextModelProgress::Stage;

// Products between two reports while reading.
constexpr std::int64_t kReportEvery = 4'096;

// Title, brand, category path and what the seller gave as attributes, in this order.
std::vector<std::string> Parts(const v1::Product& product) {
  std::vector<std::string> parts = {product.title(), product.brand(), absl::StrJoin(product.category_path(), " ")};
  for (const v1::Attribute& attribute : product.attributes()) {
    // What was derived from the title is in the title.
    if (!attribute.derived()) parts.push_back(attribute.value());
  }
  return parts;
}

// Normalised. Empty when it is no text, e.g. too long; other errors are the build's or the machine's.
absl::StatusOr<std::string> WordsOf(const std::string& text) {
  absl::StatusOr<std::string> words = Normalize(text);
  if (absl::IsInvalidArgument(words.status())) return std::string();
  return words;
}

// What diverged finds nothing, and a file of it could not be loaded.
absl::Status CheckFinite(const Rows& rows) {
  if (rows.AreFinite()) return absl::OkStatus();
  return absl::FailedPreconditionError("learning_rate: the weights did not stay finite; lower it");
}

}  // namespace

class TextModelTrainer {
 public:
  TextModelTrainer(const ProductScan& scan, const TextModelOptions& options, const TextModelReport& report)
      : scan_(scan), options_(options), report_(report) {}

  absl::StatusOr<TextModel> Run() {
    RETURN_IF_ERROR(CheckTextModelOptions(options_));
    RETURN_IF_ERROR(CountAll());
    RETURN_IF_ERROR(BuildVocabulary());
    RETURN_IF_ERROR(ReadAll());
    RETURN_IF_ERROR(TrainDoc2Vec());
    if (options_.vector == VectorKind::kCombined) RETURN_IF_ERROR(Combine());
    model_.Prepare();
    return std::move(model_);
  }

 private:
  absl::Status Report(const TextModelProgress& progress) { return report_ ? report_(progress) : absl::OkStatus(); }

  // First reading: which words and which labels there are.
  absl::Status CountAll() {
    std::int64_t seen = 0;
    return scan_([&](const v1::Product& product) -> absl::Status {
      ASSIGN_OR_RETURN(const std::string words, WordsOf(absl::StrJoin(Parts(product), " ")));
      if (!words.empty()) {
        words_.Add(words);
        if (options_.vector == VectorKind::kCombined) labels_.Add(product);
        ++products_;
      }
      return ++seen % kReportEvery == 0 ? Report({Stage::kRead}) : absl::OkStatus();
    });
  }

  absl::Status BuildVocabulary() {
    RETURN_IF_ERROR(Report({Stage::kTokenizer}));
    const std::vector<WordCount> words = words_.Sorted();
    words_ = WordCounter();
    model_.options_ = options_;
    ASSIGN_OR_RETURN(model_.tokenizer_bytes_, TrainTokenizer(words, options_.tokenizer));
    ASSIGN_OR_RETURN(model_.tokenizer_, Tokenizer::FromBytes(model_.tokenizer_bytes_));
    model_.vocabulary_ = Vocabulary::Build(words, *model_.tokenizer_, options_.min_count);
    if (model_.vocabulary_.size() > 0) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("no word stands ", options_.min_count, " times in the ", products_, " texts: add products"));
  }

  // Second reading: the words of all, and parts and labels of those that are taught.
  absl::Status ReadAll() {
    const ProductLabels labels(labels_);
    labels_ = LabelCounter();
    for (const ProductLabels::Kind& kind : labels.kinds()) {
      taught_.kinds.push_back({kind.weight, kind.size, {}});
    }
    const double share =
        static_cast<double>(options_.taught_products) / static_cast<double>(std::max<std::int64_t>(1, products_));
    Random random(options_.doc2vec.seed);
    std::vector<std::int32_t> units;
    std::int64_t seen = 0;
    return scan_([&](const v1::Product& product) -> absl::Status {
      const std::vector<std::string> parts = Parts(product);
      ASSIGN_OR_RETURN(const std::string words, WordsOf(absl::StrJoin(parts, " ")));
      if (!words.empty()) {
        units.clear();
        model_.vocabulary_.AppendUnits(words, *model_.tokenizer_, &units);
        corpus_.Add(units);
        const bool taught = share >= 1 || random.Centred() + 0.5 < share;
        if (taught && !taught_.kinds.empty()) RETURN_IF_ERROR(AddTaught(parts, labels.Of(product)));
      }
      return ++seen % kReportEvery == 0 ? Report({Stage::kRead}) : absl::OkStatus();
    });
  }

  absl::Status AddTaught(const std::vector<std::string>& parts, const std::vector<std::int32_t>& labels) {
    for (std::size_t p = 0; p < parts.size(); ++p) {
      ASSIGN_OR_RETURN(const std::string words, WordsOf(parts[p]));
      model_.vocabulary_.AppendUnits(words, *model_.tokenizer_, &taught_.units);
      const TextPart part = p == 0 ? TextPart::kTitle : p == 1 ? TextPart::kBrand : TextPart::kOther;
      taught_.parts.resize(taught_.units.size(), part);
    }
    taught_.ends.push_back(static_cast<std::int64_t>(taught_.units.size()));
    for (std::size_t k = 0; k < labels.size(); ++k) taught_.kinds[k].of_text.push_back(labels[k]);
    return absl::OkStatus();
  }

  absl::Status TrainDoc2Vec() {
    const auto report = [this](const Doc2VecProgress& trained) {
      return Report({Stage::kDoc2Vec, trained.epoch, trained.epochs, trained.loss, trained.words});
    };
    ASSIGN_OR_RETURN(Doc2Vec doc2vec, Doc2Vec::Train(corpus_, model_.vocabulary_.size(), options_.doc2vec, report));
    // They are most of the memory of a large catalogue.
    doc2vec.ForgetDocuments();
    RETURN_IF_ERROR(CheckFinite(doc2vec.word_out()));
    RETURN_IF_ERROR(CheckFinite(doc2vec.word_in()));
    model_.options_.doc2vec = doc2vec.options();
    model_.trained_products_ = corpus_.documents();
    corpus_ = Corpus();
    model_.doc2vec_ = std::make_unique<Doc2Vec>(std::move(doc2vec));
    return absl::OkStatus();
  }

  absl::Status Combine() {
    model_.words_ = WeightedDirections(*model_.doc2vec_);
    model_.doc2vec_ = nullptr;
    const auto report = [this](const LabelTeacherProgress& taught) {
      return Report({Stage::kCombine, taught.epoch, taught.epochs, taught.loss});
    };
    LabelTeacherOptions options = options_.teacher;
    options.seed = options_.doc2vec.seed;
    options.threads = options_.doc2vec.threads;
    RETURN_IF_ERROR(TeachLabels(taught_, options, &model_.words_, report));
    return CheckFinite(model_.words_);
  }

  // Each word's direction among documents, less what all words have in common (it says
  // nothing of a text, and of a small catalogue it is most of every vector), times the word's
  // rarity.
  static Rows WeightedDirections(const Doc2Vec& doc2vec) {
    const int dimension = doc2vec.options().dimension;
    const std::vector<std::int64_t>& counts = doc2vec.counts();
    const double total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
    Rows rows(static_cast<std::int64_t>(counts.size()), dimension);
    std::vector<float> centre(static_cast<std::size_t>(rows.stride()));
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const std::vector<float> direction = doc2vec.Direction(static_cast<std::int32_t>(i));
      float* row = rows[static_cast<std::int64_t>(i)];
      std::copy(direction.begin(), direction.end(), row);
      MakeUnitLength(absl::MakeSpan(row, direction.size()));
      Kernels::Best().add(static_cast<float>(static_cast<double>(counts[i]) / total), row, rows.stride(),
                          centre.data());
    }
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const auto rarity =
          static_cast<float>(std::log(1 + total / static_cast<double>(std::max<std::int64_t>(1, counts[i]))));
      float* row = rows[static_cast<std::int64_t>(i)];
      for (int j = 0; j < dimension; ++j) row[j] = rarity * (row[j] - centre[static_cast<std::size_t>(j)]);
    }
    return rows;
  }

  const ProductScan& scan_;
  const TextModelOptions& options_;
  const TextModelReport& report_;
  TextModel model_;
  WordCounter words_;
  LabelCounter labels_;
  std::int64_t products_ = 0;
  Corpus corpus_;
  LabelledTexts taught_;
};

absl::Status CheckTextModelOptions(const TextModelOptions& options) {
  absl::Status status = CheckDoc2VecOptions(options.doc2vec);
  status.Update(CheckLabelTeacherOptions(options.teacher));
  status.Update(CheckRange("min_count", options.min_count, 1, 1'000'000));
  status.Update(CheckRange<std::int64_t>("taught_products", options.taught_products, 0, 1'000'000'000));
  status.Update(CheckRange("inference_epochs", options.inference_epochs, 1, 1'000));
  return status;
}

absl::StatusOr<TextModel> TextModel::Train(const ProductScan& scan, const TextModelOptions& options,
                                           const TextModelReport& report) {
  return TextModelTrainer(scan, options, report).Run();
}

}  // namespace mannequin
