// All quality figures of a bundle on listed files, as a training measures them, and how
// long the ruler takes to make.
//
//   bench_gan_quality LIST WORK [BUNDLE]    LIST: lines of "file <tab> category <tab> title <tab> colour"
//
// Without BUNDLE (a bundle's folder) the training products' own images are "drawn": the
// figures of a generator that knows them by heart.
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/nn/device.h"
#include "common/text/text_model.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/json_util.h"
#include "services/store/rocks/rocks_store.h"
#include "services/trainer/pack.h"
#include "services/trainer/quality_meter.h"
#include "tests/unit/text/titles.h"

namespace mannequin {
namespace {

absl::Status AddProducts(ProductStore& store, const std::string& list, std::vector<std::string>& titles) {
  std::ifstream in(list);
  std::string line;
  while (std::getline(in, line)) {
    const std::vector<std::string> fields = absl::StrSplit(line, '\t');
    if (fields.size() != 4) {
      return absl::InvalidArgumentError(list + ": expected file, category, title and colour: " + line);
    }
    v1::UpsertProductsRequest upsert;
    v1::Product& product = *upsert.add_products();
    product.set_id(fields[0]);
    product.add_category_path(fields[1]);
    product.set_title(fields[2]);
    product.set_image_url("http://127.0.0.1/image.jpg");
    if (!fields[3].empty()) {
      v1::Attribute& color = *product.add_attributes();
      color.set_name("color");
      color.set_value(fields[3]);
    }
    RETURN_IF_ERROR(store.UpsertProducts(upsert).status());
    v1::PutImageRequest put;
    put.set_product_id(fields[0]);
    ASSIGN_OR_RETURN(*put.mutable_image()->mutable_data(), ReadFile(fields[0]));
    RETURN_IF_ERROR(store.PutImage(put).status());
    titles.push_back(fields[2]);
  }
  return absl::OkStatus();
}

absl::Status TrainEmbedding(const std::vector<std::string>& titles, const std::string& folder) {
  TextModelOptions options;
  options.doc2vec.epochs = 1;
  ASSIGN_OR_RETURN(const TextModel model, TextModel::Train(ScanTitles(titles), options, nullptr));
  return model.Save(folder);
}

// Draws, for the i-th text, the i-th training image of its category.
class ByHeart {
 public:
  ByHeart(const Pack& pack, const QualityMeter& meter) : pack_(pack), meter_(meter) {
    for (const PackedProduct& product : pack.training) of_category_[product.category].push_back(&product);
  }
  absl::StatusOr<std::vector<Pixels>> operator()(const std::vector<std::vector<float>>& texts,
                                                 const std::vector<std::uint64_t>& seeds) {
    std::vector<Pixels> images;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::size_t asked = static_cast<std::size_t>(seeds[i]);
      const auto& known = of_category_[meter_.products()[asked].category];
      if (known.empty()) return absl::FailedPreconditionError("a category has no training image");
      images.push_back(pack_.ImageOf(*known[asked % known.size()]));
    }
    return images;
  }

 private:
  const Pack& pack_;
  const QualityMeter& meter_;
  std::map<int, std::vector<const PackedProduct*>> of_category_;
};

absl::StatusOr<std::vector<Judgement>> Indifferent(const std::vector<Pixels>& images,
                                                   const std::vector<std::vector<float>>&) {
  return std::vector<Judgement>(images.size());
}

absl::Status Run(const std::string& list, const std::string& work, const std::string& bundle) {
  InitImages();
  SetCpuThreads(0);
  config::v1::StoreConfig config;
  config.set_data(work + "/data");
  ASSIGN_OR_RETURN(const auto store, RocksStore::Open(config, Clock::Real()));
  std::vector<std::string> titles;
  RETURN_IF_ERROR(AddProducts(*store, list, titles));
  v1::BundleManifest manifest;
  if (bundle.empty()) {
    RETURN_IF_ERROR(TrainEmbedding(titles, work));
  } else {
    ASSIGN_OR_RETURN(const std::string text, ReadFile(bundle + "/manifest.textproto"));
    if (!google::protobuf::TextFormat::ParseFromString(text, &manifest)) {
      return absl::InvalidArgumentError(bundle + "/manifest.textproto: cannot be read");
    }
  }
  ASSIGN_OR_RETURN(const auto encoder, TextEncoder::Load(bundle.empty() ? work : bundle));
  PackOptions pack_options;
  pack_options.folder = work + "/pack";
  if (manifest.has_gan()) pack_options.resolution = manifest.gan().resolution();
  const auto never = [] { return false; };
  ASSIGN_OR_RETURN(const auto pack, BuildPack(*store, *encoder, pack_options, never, [](double) {}));

  const absl::Time begin = absl::Now();
  ASSIGN_OR_RETURN(const auto meter,
                   QualityMeter::Create(*pack, {.seed = 0, .device = "cpu", .classifier_steps = 0}, never));
  const absl::Time made = absl::Now();
  v1::Quality quality;
  if (bundle.empty()) {
    ASSIGN_OR_RETURN(quality, meter->Measure(ByHeart(*pack, *meter), Indifferent));
  } else {
    ASSIGN_OR_RETURN(const LoadedGan gan, LoadGan(manifest, bundle, "cpu"));
    ASSIGN_OR_RETURN(quality, meter->Measure(DrawWith(gan), JudgeWith(gan)));
  }
  google::protobuf::util::JsonPrintOptions print;
  print.preserve_proto_field_names = true;
  print.always_print_primitive_fields = true;
  std::string json;
  (void)google::protobuf::util::MessageToJsonString(quality, &json, print);
  std::printf(
      "{\"training\": %zu, \"categories\": %zu, \"ruler_seconds\": %.1f, \"measure_seconds\": %.1f, \"quality\": %s}\n",
      pack->training.size(), pack->categories.size(), absl::ToDoubleSeconds(made - begin),
      absl::ToDoubleSeconds(absl::Now() - made), json.c_str());
  return absl::OkStatus();
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    std::fprintf(stderr, "usage: bench_gan_quality LIST WORK [BUNDLE]\n");
    return 2;
  }
  const absl::Status status = mannequin::Run(argv[1], argv[2], argc == 4 ? argv[3] : "");
  if (!status.ok()) std::fprintf(stderr, "bench_gan_quality: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
