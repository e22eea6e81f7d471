// How well the vectors keep category and brand: the share of the 10 nearest training
// products (cosine) with the query's label, for products kept out of training
// (sha256(id)[:8] / 2^32 < 0.10). Training sees whole products, as the service does, or with
// --titles their titles and brands alone, as a peer's doc2vec; a query and what it is compared
// with are title and brand alone, so that the category is not in the text. A combined vector
// was taught the categories of the training products.
//
//   bench_embedding_quality --catalog metadata.json.gz --save FOLDER
//   {"category_p10": 0.89, "brand_p10": 0.96, "texts_per_second": 900000, ...}
//
// FOLDER gets vectors.f32 ([products, dimension]) and ids.txt, for peers/text_quality.py.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/parallel.h"
#include "common/base/safetensors.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/text/text_model.h"
#include "services/mannequin/ingest/byte_source.h"
#include "services/mannequin/ingest/catalog_reader.h"

namespace mannequin {
namespace {

struct Row {
  v1::Product product;
  std::string category, text;  // the text that it is found by: title and brand
  std::vector<float> vector;
};

double Seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

bool HeldOut(const std::string& id) {
  std::uint32_t head = 0;
  return absl::SimpleHexAtoi(Sha256Hex(id).substr(0, 8), &head) && head / 4294967296.0 < 0.10;
}

// Calls `visit(i)` for 0 to n - 1 on all cores.
template <typename Visit>
void ForAll(std::size_t n, const Visit& visit) {
  ParallelFor(n, 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) visit(i);
  });
}

struct Precision {
  double category = 0, brand = 0;
};

Precision At10(const std::vector<Row>& train, const std::vector<Row>& test) {
  std::atomic<std::int64_t> category_hits{0}, brand_hits{0};
  std::int64_t branded = 0;
  for (const Row& row : test) branded += !row.product.brand().empty();
  ForAll(test.size(), [&](std::size_t q) {
    std::vector<std::pair<float, std::size_t>> scores(train.size());
    for (std::size_t i = 0; i < train.size(); ++i) {
      float dot = 0;
      for (std::size_t j = 0; j < train[i].vector.size(); ++j) dot += train[i].vector[j] * test[q].vector[j];
      scores[i] = {-dot, i};
    }
    std::partial_sort(scores.begin(), scores.begin() + 10, scores.end());
    for (int k = 0; k < 10; ++k) {
      const Row& near = train[scores[k].second];
      category_hits += near.category == test[q].category;
      brand_hits += !test[q].product.brand().empty() && near.product.brand() == test[q].product.brand();
    }
  });
  return {static_cast<double>(category_hits) / 10 / static_cast<double>(test.size()),
          static_cast<double>(brand_hits) / 10 / static_cast<double>(std::max<std::int64_t>(1, branded))};
}

// Embeds all of them; texts a second.
double EmbedAll(const TextModel& model, std::vector<Row>& rows) {
  const double start = Seconds();
  ForAll(rows.size(), [&](std::size_t i) {
    auto encoded = model.Encode(rows[i].text);
    rows[i].vector = encoded.ok() ? std::move(encoded->values)
                                  : std::vector<float>(static_cast<std::size_t>(model.options().doc2vec.dimension));
  });
  return static_cast<double>(rows.size()) / (Seconds() - start);
}

absl::StatusOr<std::vector<Row>> ReadCatalog(const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> source, ByteSource::Open(path));
  ASSIGN_OR_RETURN(const std::unique_ptr<CatalogReader> reader, CatalogReader::Start(*source, {.catalog = path}));
  std::vector<Row> rows;
  while (true) {
    ASSIGN_OR_RETURN(std::unique_ptr<ParsedChunk> chunk, reader->Next());
    if (chunk == nullptr) return rows;
    for (std::size_t i = 0; i < chunk->used; ++i) {
      for (const v1::Product& product : chunk->requests[i].products()) {
        const int depth = product.category_path_size();
        rows.push_back({product,
                        depth > 0 ? product.category_path(depth - 1) : "",
                        absl::StrCat(product.title(), " ", product.brand()),
                        {}});
      }
    }
    reader->Recycle(std::move(chunk));
  }
}

absl::Status Save(const std::string& folder, const std::vector<Row>& train, const std::vector<Row>& test) {
  std::string vectors, ids;
  for (const std::vector<Row>* rows : {&train, &test}) {
    for (const Row& row : *rows) {
      vectors.append(reinterpret_cast<const char*>(row.vector.data()), row.vector.size() * sizeof(float));
      absl::StrAppend(&ids, row.product.id(), "\n");
    }
  }
  RETURN_IF_ERROR(WriteFileAtomically(folder + "/vectors.f32", vectors));
  return WriteFileAtomically(folder + "/ids.txt", ids);
}

// The same output words, inferred as PV-DBOW infers: a document's vector predicts its words
// without the help of those around.
absl::StatusOr<TextModel> WithoutContext(const TextModel& model) {
  ASSIGN_OR_RETURN(const std::string folder, MakeTemporaryFolder("embedding-quality"));
  RETURN_IF_ERROR(model.Save(folder));
  const std::string path = absl::StrCat(folder, "/", kDoc2VecFile);
  ASSIGN_OR_RETURN(Safetensors file, ReadSafetensors(path));
  file.metadata["mode"] = "pv-dbow";
  file.tensors.erase("word_in");
  RETURN_IF_ERROR(WriteSafetensors(path, file.tensors, file.metadata));
  absl::StatusOr<TextModel> changed = TextModel::Load(folder);
  std::filesystem::remove_all(folder);
  return changed;
}

struct Measure {
  bool titles = false, without_context = false;
  int max_queries = 0;  // 0: all
};

absl::Status Run(const std::string& catalog, const TextModelOptions& options, const Measure& measure,
                 const std::string& save) {
  ASSIGN_OR_RETURN(std::vector<Row> rows, ReadCatalog(catalog));
  std::vector<Row> train, test;
  for (Row& row : rows) (HeldOut(row.product.id()) ? test : train).push_back(std::move(row));
  if (measure.max_queries > 0) test.resize(std::min(test.size(), static_cast<std::size_t>(measure.max_queries)));
  const auto seen = [&](const Row& row) {
    v1::Product product = row.product;
    if (measure.titles) {
      product.clear_category_path();
      product.clear_attributes();
    }
    return product;
  };
  const double start = Seconds();
  TextModelProgress last;
  ASSIGN_OR_RETURN(TextModel model,
                   TextModel::Train(
                       [&](const std::function<absl::Status(const v1::Product&)>& visit) -> absl::Status {
                         for (const Row& row : train) RETURN_IF_ERROR(visit(seen(row)));
                         return absl::OkStatus();
                       },
                       options,
                       [&](const TextModelProgress& progress) {
                         last = progress;
                         return absl::OkStatus();
                       }));
  const double trained = Seconds() - start;
  if (measure.without_context) {
    ASSIGN_OR_RETURN(model, WithoutContext(model));
  }
  const double rate = EmbedAll(model, train);
  EmbedAll(model, test);
  const Precision precision = At10(train, test);
  std::printf(
      "{\"category_p10\": %.4f, \"brand_p10\": %.4f, \"texts_per_second\": %.0f, \"train_seconds\": %.1f, "
      "\"train\": %zu, \"test\": %zu, \"units\": %d, \"epochs\": %d, \"loss\": %.4f}\n",
      precision.category, precision.brand, rate, trained, train.size(), test.size(), model.vocabulary().size(),
      model.options().doc2vec.epochs, last.loss);
  return save.empty() ? absl::OkStatus() : Save(save, train, test);
}

int Main(int argc, char** argv) {
  CLI::App app("Quality of product vectors");
  std::string catalog, mode = "dbow", vector = "combined", save;
  TextModelOptions options;
  Measure measure;
  app.add_option("--catalog", catalog, "a catalogue file, as mannequin ingest takes it")->required();
  app.add_option("--vector", vector)->check(CLI::IsMember({"combined", "doc2vec"}))->capture_default_str();
  app.add_flag("--titles", measure.titles, "train on titles and brands alone");
  app.add_option("--mode", mode, "dm, dbow or concat")->check(CLI::IsMember({"dm", "dbow", "concat"}));
  app.add_flag("--without-context", measure.without_context, "infer as PV-DBOW what was trained as PV-DM");
  app.add_flag("--hs", options.doc2vec.hierarchical_softmax, "hierarchical softmax");
  app.add_flag("--word-vectors", options.doc2vec.word_vectors, "PV-DBOW learns word vectors as well");
  app.add_option("--window", options.doc2vec.window);
  app.add_option("--sample", options.doc2vec.sample);
  app.add_option("--lr", options.doc2vec.lr);
  app.add_option("--epochs", options.doc2vec.epochs);
  app.add_option("--dimension", options.doc2vec.dimension);
  app.add_option("--inference-epochs", options.inference_epochs);
  app.add_option("--teacher-epochs", options.teacher.epochs);
  app.add_option("--teacher-lr", options.teacher.lr);
  app.add_option("--label-lr", options.teacher.label_lr);
  app.add_option("--sharpness", options.teacher.sharpness);
  app.add_option("--drop-words", options.teacher.drop_words);
  app.add_option("--sampled-labels", options.teacher.sampled_labels);
  app.add_option("--seed", options.doc2vec.seed);
  app.add_option("--max-queries", measure.max_queries, "0: all that are held out");
  app.add_option("--save", save, "a folder for the vectors");
  CLI11_PARSE(app, argc, argv);
  options.doc2vec.mode = mode == "dm"       ? Doc2VecMode::kPvDm
                         : mode == "concat" ? Doc2VecMode::kPvDmConcat
                                            : Doc2VecMode::kPvDbow;
  options.vector = vector == "combined" ? VectorKind::kCombined : VectorKind::kDoc2Vec;
  const absl::Status status = Run(catalog, options, measure, save);
  if (status.ok()) return 0;
  std::fprintf(stderr, "bench_embedding_quality: %s\n", status.ToString().c_str());
  return 1;
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) { return mannequin::Main(argc, argv); }
