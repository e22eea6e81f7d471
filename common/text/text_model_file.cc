// TextModel::Load and Save.
#include <cmath>
#include <cstring>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/file.h"
#include "common/base/safetensors.h"
#include "common/base/status_macros.h"
#include "common/text/normalizer.h"
#include "common/text/text_model.h"

namespace mannequin {
namespace {

constexpr char kFormat[] = "mannequin-text-2";

constexpr Doc2VecMode kModes[] = {Doc2VecMode::kPvDbow, Doc2VecMode::kPvDm, Doc2VecMode::kPvDmConcat};

// Of all words together: no corpus has more, and its sums fit every type they are added in.
constexpr std::int64_t kMaxCount = std::int64_t{1} << 53;

bool Parse(const std::string& text, int* value) { return absl::SimpleAtoi(text, value); }
bool Parse(const std::string& text, double* value) { return absl::SimpleAtod(text, value); }

template <typename Number>
absl::Status ReadNumber(const Safetensors& file, const std::string& key, Number low, Number high, Number* value) {
  ASSIGN_OR_RETURN(const std::string text, file.Metadata(key));
  Number number = 0;
  if (!Parse(text, &number) || !(number >= low && number <= high)) {
    return absl::DataLossError(absl::StrCat("metadata \"", key, "\": \"", text, "\" is not ", low, " to ", high));
  }
  *value = number;
  return absl::OkStatus();
}

absl::Status ReadBool(const Safetensors& file, const std::string& key, bool* value) {
  int number = 0;
  RETURN_IF_ERROR(ReadNumber(file, key, 0, 1, &number));
  *value = number == 1;
  return absl::OkStatus();
}

absl::Status CheckVersions(const Safetensors& file) {
  ASSIGN_OR_RETURN(const std::string format, file.Metadata("format"));
  if (format != kFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat("format \"", format, "\" is not ", kFormat, ": train the embedding again"));
  }
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
  ASSIGN_OR_RETURN(const std::string vector, file.Metadata("vector"));
  if (vector != "combined" && vector != "doc2vec") {
    return absl::DataLossError(absl::StrCat("unknown vector \"", vector, "\""));
  }
  options.vector = vector == "combined" ? VectorKind::kCombined : VectorKind::kDoc2Vec;
  ASSIGN_OR_RETURN(const std::string mode, file.Metadata("mode"));
  bool known = false;
  for (const Doc2VecMode value : kModes) {
    if (mode != ModeName(value)) continue;
    options.doc2vec.mode = value;
    known = true;
  }
  if (!known) return absl::DataLossError(absl::StrCat("unknown mode \"", mode, "\""));
  RETURN_IF_ERROR(ReadBool(file, "hierarchical_softmax", &options.doc2vec.hierarchical_softmax));
  RETURN_IF_ERROR(ReadBool(file, "word_vectors", &options.doc2vec.word_vectors));
  RETURN_IF_ERROR(ReadNumber(file, "dimension", 1, 1024, &options.doc2vec.dimension));
  RETURN_IF_ERROR(ReadNumber(file, "window", 1, 20, &options.doc2vec.window));
  RETURN_IF_ERROR(ReadNumber(file, "negative", 1, 50, &options.doc2vec.negative));
  RETURN_IF_ERROR(ReadNumber(file, "sample", 0.0, 1.0, &options.doc2vec.sample));
  RETURN_IF_ERROR(ReadNumber(file, "inference_epochs", 1, 1000, &options.inference_epochs));
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
  std::int64_t rest = kMaxCount;
  for (const std::int64_t count : counts) {
    if (count < 0 || count > rest) {
      return absl::DataLossError(absl::StrCat("counts: a negative one, or over ", kMaxCount, " in all"));
    }
    rest -= count;
  }
  return counts;
}

absl::StatusOr<absl::Span<const float>> ReadWeights(const Safetensors& file, const std::string& name, std::int64_t rows,
                                                    std::int64_t columns) {
  if (rows == 0) return absl::Span<const float>();
  ASSIGN_OR_RETURN(const absl::Span<const float> values, file.Floats(name, {rows, columns}));
  for (const float value : values) {
    if (!std::isfinite(value)) return absl::DataLossError(absl::StrCat(name, ": a weight is not a finite number"));
  }
  return values;
}

absl::Status Within(const absl::Status& status, absl::string_view path) {
  if (status.ok() || absl::StrContains(status.message(), path)) return status;
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

}  // namespace

absl::Status TextModel::Read(const Safetensors& file) {
  RETURN_IF_ERROR(CheckVersions(file));
  ASSIGN_OR_RETURN(options_, ReadOptions(file));
  ASSIGN_OR_RETURN(vocabulary_, ReadVocabulary(file));
  const int dimension = options_.doc2vec.dimension;
  if (options_.vector == VectorKind::kCombined) {
    ASSIGN_OR_RETURN(const absl::Span<const float> words, ReadWeights(file, "words", vocabulary_.size(), dimension));
    words_ = Rows(words, vocabulary_.size(), dimension, 1);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(std::vector<std::int64_t> counts, ReadCounts(file, vocabulary_.size()));
  const Doc2VecShapes shapes = ShapesOf(options_.doc2vec, vocabulary_.size());
  ASSIGN_OR_RETURN(const absl::Span<const float> out,
                   ReadWeights(file, "word_out", shapes.out_rows, shapes.out_columns));
  ASSIGN_OR_RETURN(const absl::Span<const float> in, ReadWeights(file, "word_in", shapes.in_rows, shapes.in_columns));
  doc2vec_ = std::make_unique<Doc2Vec>(options_.doc2vec, std::move(counts), out, in);
  return absl::OkStatus();
}

absl::StatusOr<TextModel> TextModel::Load(const std::string& folder) {
  TextModel model;
  const std::string tokenizer_path = absl::StrCat(folder, "/", kTokenizerFile);
  const std::string doc2vec_path = absl::StrCat(folder, "/", kDoc2VecFile);
  ASSIGN_OR_RETURN(model.tokenizer_bytes_, ReadFile(tokenizer_path));
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = Tokenizer::FromBytes(model.tokenizer_bytes_);
  if (!tokenizer.ok()) return Within(tokenizer.status(), tokenizer_path);
  model.tokenizer_ = *std::move(tokenizer);
  ASSIGN_OR_RETURN(const Safetensors file, ReadSafetensors(doc2vec_path));
  RETURN_IF_ERROR(Within(model.Read(file), doc2vec_path));
  model.Prepare();
  return model;
}

absl::Status TextModel::Save(const std::string& folder) const {
  std::string units;
  for (std::int32_t i = 0; i < vocabulary_.size(); ++i) absl::StrAppend(&units, vocabulary_.unit(i), "\n");
  const std::int64_t size = vocabulary_.size();
  const Doc2VecOptions& doc2vec = options_.doc2vec;
  std::map<std::string, Tensor> tensors;
  const auto units_bytes = static_cast<std::int64_t>(units.size());
  tensors["vocabulary"] = {"U8", {units_bytes}, std::move(units)};
  if (options_.vector == VectorKind::kCombined) {
    tensors["words"] = FloatTensor({size, doc2vec.dimension}, words_.Flat());
  } else {
    const std::vector<std::int64_t>& counts = doc2vec_->counts();
    tensors["counts"] = {"I64", {size}, std::string(reinterpret_cast<const char*>(counts.data()), counts.size() * 8)};
    const Doc2VecShapes shapes = ShapesOf(doc2vec, vocabulary_.size());
    tensors["word_out"] = FloatTensor({shapes.out_rows, shapes.out_columns}, doc2vec_->FlatOut());
    if (shapes.in_rows > 0) {
      tensors["word_in"] = FloatTensor({shapes.in_rows, shapes.in_columns}, doc2vec_->FlatIn());
    }
  }
  std::map<std::string, std::string> metadata = {
      {"format", kFormat},
      {"vector", options_.vector == VectorKind::kCombined ? "combined" : "doc2vec"},
      {"mode", ModeName(doc2vec.mode)},
      {"hierarchical_softmax", doc2vec.hierarchical_softmax ? "1" : "0"},
      {"word_vectors", doc2vec.word_vectors ? "1" : "0"},
      {"dimension", absl::StrCat(doc2vec.dimension)},
      {"window", absl::StrCat(doc2vec.window)},
      {"negative", absl::StrCat(doc2vec.negative)},
      {"sample", absl::StrFormat("%.17g", doc2vec.sample)},
      {"inference_epochs", absl::StrCat(options_.inference_epochs)},
      {"normalizer_version", absl::StrCat(kNormalizerVersion)},
  };
  RETURN_IF_ERROR(WriteFileAtomically(absl::StrCat(folder, "/", kTokenizerFile), tokenizer_bytes_));
  return WriteSafetensors(absl::StrCat(folder, "/", kDoc2VecFile), tensors, metadata);
}

}  // namespace mannequin
