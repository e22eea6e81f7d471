#include "common/text/text_model.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <numeric>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "common/base/safetensors.h"
#include "common/base/status_macros.h"
#include "common/text/kernels.h"
#include "common/text/normalizer.h"

namespace mannequin {
namespace {

constexpr char kFormat[] = "mannequin-doc2vec-1";
constexpr char kWordMark[] = "\u2581";
// The most frequent words; the rest stand for their pieces.
constexpr std::size_t kMaxWords = 500'000;

// Pieces that say nothing of a product: bytes, and single ASCII characters.
bool IsUnit(absl::string_view piece) {
  if (absl::StartsWith(piece, "<0x") || piece == "<unk>" || piece == kWordMark) return false;
  if (absl::StartsWith(piece, kWordMark)) piece.remove_prefix(sizeof(kWordMark) - 1);
  return piece.size() > 1;
}

using Counts = absl::flat_hash_map<std::string, std::int64_t>;

// Calls `visit` for each word of normalised text.
template <typename Visit>
void ForEachWord(absl::string_view text, const Visit& visit) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    visit(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// Those seen `min_count` times, most frequent first, names breaking ties.
std::vector<std::string> Frequent(const Counts& counts, int min_count, std::size_t limit) {
  std::vector<std::pair<std::int64_t, std::string>> sorted;
  for (const auto& [unit, count] : counts) {
    if (count >= min_count) sorted.emplace_back(-count, unit);
  }
  std::sort(sorted.begin(), sorted.end());
  if (sorted.size() > limit) sorted.resize(limit);
  std::vector<std::string> units;
  units.reserve(sorted.size());
  for (auto& [count, unit] : sorted) units.push_back(std::move(unit));
  return units;
}

Vocabulary BuildVocabulary(const std::vector<std::string>& texts, const Tokenizer& tokenizer, int min_count) {
  Counts words;
  std::string key;
  for (const std::string& text : texts) {
    ForEachWord(text, [&](absl::string_view word) {
      key.assign(kWordMark);
      key.append(word.data(), word.size());
      ++words[key];
    });
  }
  Vocabulary vocabulary;
  for (std::string& word : Frequent(words, min_count, kMaxWords)) vocabulary.Add(std::move(word));
  Counts pieces;
  for (const auto& [word, count] : words) {
    if (vocabulary.Find(word) >= 0) continue;
    for (std::string& piece : tokenizer.Pieces(absl::string_view(word).substr(sizeof(kWordMark) - 1))) {
      if (IsUnit(piece)) pieces[std::move(piece)] += count;
    }
  }
  for (std::string& piece : Frequent(pieces, min_count, kMaxWords)) {
    if (vocabulary.Find(piece) < 0) vocabulary.Add(std::move(piece));
  }
  return vocabulary;
}

void Unify(float* values, int dimension) {
  double norm = 0;
  for (int j = 0; j < dimension; ++j) norm += static_cast<double>(values[j]) * values[j];
  if (norm <= 0) return;
  const auto inverse = static_cast<float>(1 / std::sqrt(norm));
  for (int j = 0; j < dimension; ++j) values[j] *= inverse;
}

std::vector<float> Flat(const Rows& rows, int dimension) {
  std::vector<float> flat(static_cast<std::size_t>(rows.size() * dimension));
  for (std::int64_t i = 0; i < rows.size(); ++i) std::copy_n(rows[i], dimension, flat.data() + i * dimension);
  return flat;
}

template <typename Number>
absl::Status ReadNumber(const Safetensors& file, const std::string& key, Number low, Number high, Number* value) {
  ASSIGN_OR_RETURN(const std::string text, file.Metadata(key));
  double number = 0;
  if (!absl::SimpleAtod(text, &number) ||
      !(number >= static_cast<double>(low) && number <= static_cast<double>(high))) {
    return absl::DataLossError(absl::StrCat("metadata \"", key, "\": \"", text, "\" is not ", low, " to ", high));
  }
  *value = static_cast<Number>(number);
  return absl::OkStatus();
}

absl::Status CheckVersions(const Safetensors& file) {
  ASSIGN_OR_RETURN(const std::string format, file.Metadata("format"));
  if (format != kFormat) return absl::FailedPreconditionError(absl::StrCat("format \"", format, "\" is not ", kFormat));
  int version = 0;
  RETURN_IF_ERROR(ReadNumber(file, "normalizer_version", 0, 1'000'000, &version));
  if (version != kNormalizerVersion) {
    return absl::FailedPreconditionError(absl::StrCat("made with text normaliser ", version, ", this build has ",
                                                      kNormalizerVersion, ": train the embedding again"));
  }
  return absl::OkStatus();
}

absl::StatusOr<TextModelOptions> ReadOptions(const Safetensors& file) {
  TextModelOptions options;
  ASSIGN_OR_RETURN(const std::string mode, file.Metadata("mode"));
  if (mode != "pv-dm" && mode != "pv-dbow") return absl::DataLossError(absl::StrCat("unknown mode \"", mode, "\""));
  options.doc2vec.mode = mode == "pv-dm" ? Doc2VecMode::kPvDm : Doc2VecMode::kPvDbow;
  RETURN_IF_ERROR(ReadNumber(file, "dimension", 1, 1024, &options.doc2vec.dimension));
  RETURN_IF_ERROR(ReadNumber(file, "window", 1, 20, &options.doc2vec.window));
  RETURN_IF_ERROR(ReadNumber(file, "negative", 1, 50, &options.doc2vec.negative));
  RETURN_IF_ERROR(ReadNumber(file, "inference_epochs", 0, 1000, &options.inference_epochs));
  RETURN_IF_ERROR(ReadNumber(file, "mix", 0.0, 1e6, &options.mix));
  return options;
}

absl::StatusOr<Vocabulary> ReadVocabulary(const Safetensors& file) {
  const auto found = file.tensors.find("vocabulary");
  if (found == file.tensors.end() || found->second.dtype != "U8") return absl::DataLossError("no vocabulary");
  absl::string_view text = found->second.bytes;
  Vocabulary vocabulary;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == 0 || end == absl::string_view::npos) return absl::DataLossError("vocabulary: an empty or open line");
    const std::string unit(text.substr(0, end));
    if (vocabulary.Find(unit) >= 0) return absl::DataLossError(absl::StrCat("vocabulary: \"", unit, "\" stands twice"));
    vocabulary.Add(unit);
    text.remove_prefix(end + 1);
  }
  if (vocabulary.size() == 0) return absl::DataLossError("the vocabulary is empty");
  return vocabulary;
}

absl::StatusOr<std::vector<std::int64_t>> ReadCounts(const Safetensors& file, std::int64_t size) {
  const auto found = file.tensors.find("counts");
  if (found == file.tensors.end() || found->second.dtype != "I64" ||
      found->second.shape != std::vector<std::int64_t>{size}) {
    return absl::DataLossError(absl::StrCat("counts is not I64 [", size, "]"));
  }
  std::vector<std::int64_t> counts(static_cast<std::size_t>(size));
  std::memcpy(counts.data(), found->second.bytes.data(), found->second.bytes.size());
  for (const std::int64_t count : counts) {
    if (count < 0) return absl::DataLossError("counts: a negative count");
  }
  return counts;
}

absl::StatusOr<absl::Span<const float>> ReadWeights(const Safetensors& file, const std::string& name, std::int64_t rows,
                                                    std::int64_t columns) {
  ASSIGN_OR_RETURN(const absl::Span<const float> values, file.Floats(name, {rows, columns}));
  for (const float value : values) {
    if (!std::isfinite(value)) return absl::DataLossError(absl::StrCat(name, ": a weight is not a finite number"));
  }
  return values;
}

}  // namespace

std::int32_t Vocabulary::Find(absl::string_view unit) const {
  const auto found = numbers_.find(unit);
  return found == numbers_.end() ? -1 : found->second;
}

void Vocabulary::Add(std::string unit) {
  numbers_.emplace(unit, size());
  units_.push_back(std::move(unit));
}

absl::StatusOr<TextModel> TextModel::Train(const NextText& next, const TextModelOptions& options,
                                           const std::function<absl::Status(const Doc2VecProgress&)>& progress) {
  std::vector<std::string> texts;
  for (const std::string* text = next(); text != nullptr; text = next()) {
    absl::StatusOr<std::string> words = Normalize(*text);
    if (words.ok() && !words->empty()) texts.push_back(*std::move(words));
  }
  TextModel model;
  model.options_ = options;
  model.trained_texts_ = static_cast<std::int64_t>(texts.size());
  std::size_t at = 0;
  ASSIGN_OR_RETURN(model.tokenizer_bytes_,
                   TrainTokenizer(CountWords([&]() -> const std::string* { return at < texts.size() ? &texts[at++] : nullptr; }),
                                  {.vocabulary_size = options.vocabulary_size}));
  ASSIGN_OR_RETURN(model.tokenizer_, Tokenizer::FromBytes(model.tokenizer_bytes_));
  model.vocabulary_ = BuildVocabulary(texts, *model.tokenizer_, options.min_count);
  if (model.vocabulary_.size() == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("no word stands ", options.min_count, " times in the ", texts.size(), " texts: add products"));
  }

  Corpus corpus;
  std::vector<std::int32_t> units;
  std::string key;
  for (const std::string& text : texts) {
    units.clear();
    ForEachWord(text, [&](absl::string_view word) {
      key.assign(kWordMark);
      key.append(word.data(), word.size());
      if (const std::int32_t number = model.vocabulary_.Find(key); number >= 0) {
        units.push_back(number);
        return;
      }
      for (const std::string& piece : model.tokenizer_->Pieces(word)) {
        const std::int32_t number = IsUnit(piece) ? model.vocabulary_.Find(piece) : -1;
        if (number >= 0) units.push_back(number);
      }
    });
    corpus.Add(units);
  }
  ASSIGN_OR_RETURN(Doc2Vec doc2vec, Doc2Vec::Train(corpus, model.vocabulary_.size(), options.doc2vec, progress));
  model.doc2vec_ = std::make_unique<Doc2Vec>(std::move(doc2vec));
  model.Prepare();
  return model;
}

absl::Status TextModel::Save(const std::string& folder) const {
  std::string units;
  for (std::int32_t i = 0; i < vocabulary_.size(); ++i) absl::StrAppend(&units, vocabulary_.unit(i), "\n");
  const std::vector<std::int64_t>& counts = doc2vec_->counts();
  const int dimension = options_.doc2vec.dimension;
  const std::int64_t size = vocabulary_.size();
  std::map<std::string, Tensor> tensors;
  tensors["counts"] = {"I64", {size}, std::string(reinterpret_cast<const char*>(counts.data()), counts.size() * 8)};
  tensors["word_out"] = FloatTensor({size, dimension}, Flat(doc2vec_->word_out(), dimension));
  if (options_.doc2vec.mode == Doc2VecMode::kPvDm) tensors["word_in"] = FloatTensor({size, dimension}, Flat(doc2vec_->word_in(), dimension));
  const auto units_bytes = static_cast<std::int64_t>(units.size());
  tensors["vocabulary"] = {"U8", {units_bytes}, std::move(units)};
  const std::map<std::string, std::string> metadata = {
      {"format", kFormat},
      {"mode", options_.doc2vec.mode == Doc2VecMode::kPvDm ? "pv-dm" : "pv-dbow"},
      {"dimension", absl::StrCat(dimension)},
      {"window", absl::StrCat(options_.doc2vec.window)},
      {"negative", absl::StrCat(options_.doc2vec.negative)},
      {"inference_epochs", absl::StrCat(options_.inference_epochs)},
      {"mix", absl::StrCat(options_.mix)},
      {"normalizer_version", absl::StrCat(kNormalizerVersion)},
  };
  RETURN_IF_ERROR(WriteFileAtomically(absl::StrCat(folder, "/", kTokenizerFile), tokenizer_bytes_));
  return WriteSafetensors(absl::StrCat(folder, "/", kDoc2VecFile), tensors, metadata);
}

namespace {

absl::Status Within(const absl::Status& status, absl::string_view path) {
  if (status.ok() || absl::StrContains(status.message(), path)) return status;
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

// Everything of doc2vec.safetensors.
absl::Status ReadDoc2Vec(const Safetensors& file, TextModelOptions* options, Vocabulary* vocabulary,
                         std::unique_ptr<Doc2Vec>* doc2vec) {
  RETURN_IF_ERROR(CheckVersions(file));
  ASSIGN_OR_RETURN(*options, ReadOptions(file));
  ASSIGN_OR_RETURN(*vocabulary, ReadVocabulary(file));
  const std::int64_t size = vocabulary->size();
  ASSIGN_OR_RETURN(std::vector<std::int64_t> counts, ReadCounts(file, size));
  ASSIGN_OR_RETURN(const absl::Span<const float> out, ReadWeights(file, "word_out", size, options->doc2vec.dimension));
  absl::Span<const float> in;
  if (options->doc2vec.mode == Doc2VecMode::kPvDm) {
    ASSIGN_OR_RETURN(in, ReadWeights(file, "word_in", size, options->doc2vec.dimension));
  }
  *doc2vec = std::make_unique<Doc2Vec>(options->doc2vec, std::move(counts), out, in);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TextModel> TextModel::Load(const std::string& folder) {
  TextModel model;
  const std::string tokenizer_path = absl::StrCat(folder, "/", kTokenizerFile);
  const std::string doc2vec_path = absl::StrCat(folder, "/", kDoc2VecFile);
  ASSIGN_OR_RETURN(model.tokenizer_bytes_, ReadFile(tokenizer_path));
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = Tokenizer::FromBytes(model.tokenizer_bytes_);
  if (!tokenizer.ok()) return Within(tokenizer.status(), tokenizer_path);
  model.tokenizer_ = *std::move(tokenizer);
  ASSIGN_OR_RETURN(const Safetensors file, ReadSafetensors(doc2vec_path));
  RETURN_IF_ERROR(Within(ReadDoc2Vec(file, &model.options_, &model.vocabulary_, &model.doc2vec_), doc2vec_path));
  model.Prepare();
  return model;
}

void TextModel::Prepare() {
  const int dimension = options_.doc2vec.dimension;
  const std::vector<std::int64_t>& counts = doc2vec_->counts();
  const double total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
  weighted_ = Rows(vocabulary_.size(), dimension);
  // What all words have in common says nothing of a text, and of a small catalogue it is
  // most of every vector.
  std::vector<float> centre(static_cast<std::size_t>(dimension));
  pieces_.resize(static_cast<std::size_t>(vocabulary_.size()));
  for (std::int32_t i = 0; i < vocabulary_.size(); ++i) {
    const absl::string_view unit = vocabulary_.unit(i);
    if (absl::StartsWith(unit, kWordMark)) pieces_[i] = tokenizer_->Pieces(unit.substr(sizeof(kWordMark) - 1));
    const std::vector<float> direction = doc2vec_->Direction(i);
    std::copy(direction.begin(), direction.end(), weighted_[i]);
    Unify(weighted_[i], dimension);
    for (int j = 0; j < dimension; ++j) {
      centre[j] += static_cast<float>(static_cast<double>(counts[i]) / total) * weighted_[i][j];
    }
  }
  for (std::int32_t i = 0; i < vocabulary_.size(); ++i) {
    const auto rarity =
        static_cast<float>(std::log(1 + total / static_cast<double>(std::max<std::int64_t>(1, counts[i]))));
    for (int j = 0; j < dimension; ++j) weighted_[i][j] = rarity * (weighted_[i][j] - centre[j]);
  }
}

std::vector<float> TextModel::Embed(absl::Span<const std::int32_t> units) const {
  const int dimension = options_.doc2vec.dimension;
  std::vector<float> vector = doc2vec_->Infer(units, options_.inference_epochs);
  Unify(vector.data(), dimension);
  if (options_.mix > 0) {
    std::vector<float> mean(static_cast<std::size_t>(weighted_.stride()));
    for (const std::int32_t unit : units) Kernels::Best().add(1, weighted_[unit], weighted_.stride(), mean.data());
    Unify(mean.data(), dimension);
    for (int j = 0; j < dimension; ++j) vector[j] += static_cast<float>(options_.mix) * mean[j];
    Unify(vector.data(), dimension);
  }
  return vector;
}

absl::StatusOr<EncodedText> TextModel::Encode(absl::string_view text) const {
  ASSIGN_OR_RETURN(const std::string words, Normalize(text));
  EncodedText encoded;
  std::vector<std::int32_t> units;
  std::int64_t known = 0, total = 0;
  std::string key;
  ForEachWord(words, [&](absl::string_view word) {
    key.assign(kWordMark);
    key.append(word.data(), word.size());
    if (const std::int32_t number = vocabulary_.Find(key); number >= 0) {
      units.push_back(number);
      encoded.pieces.insert(encoded.pieces.end(), pieces_[number].begin(), pieces_[number].end());
      known += static_cast<std::int64_t>(pieces_[number].size());
      total += static_cast<std::int64_t>(pieces_[number].size());
      return;
    }
    for (std::string& piece : tokenizer_->Pieces(word)) {
      const std::int32_t number = IsUnit(piece) ? vocabulary_.Find(piece) : -1;
      if (number >= 0) units.push_back(number);
      known += number >= 0;
      ++total;
      encoded.pieces.push_back(std::move(piece));
    }
  });
  if (units.empty()) {
    return absl::InvalidArgumentError(total == 0 ? "text: it has no words"
                                                 : "text: none of its words is known to the model");
  }
  encoded.coverage = static_cast<double>(known) / static_cast<double>(total);
  encoded.values = Embed(units);
  return encoded;
}

}  // namespace mannequin
