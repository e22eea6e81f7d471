// The main job, from a catalogue to verdicts and placeholders, on running services: what
// `mannequin demo` does between its start and its page. The services may be one process
// or many.
//
//   ingest -> crawl -> train embedding -> embed -> train GAN -> placeholders -> score
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/store/product_store.h"
#include "grpcpp/channel.h"
#include "mannequin/v1/product.pb.h"
#include "mannequin/v1/text_embedder.pb.h"
#include "mannequin/v1/verdict.pb.h"
#include "nlohmann/json.hpp"

namespace mannequin {

// Where the services are.
struct DemoServices {
  ProductStore& store;
  std::shared_ptr<grpc::Channel> fetcher;
  std::shared_ptr<grpc::Channel> embedder;
  std::shared_ptr<grpc::Channel> trainer;
  std::shared_ptr<grpc::Channel> generator;
  std::shared_ptr<grpc::Channel> scorer;
};

struct DemoOptions {
  std::string catalog;          // file to ingest
  std::string pictures_folder;  // where the sheets go
  std::string truth;            // truth.jsonl of the sample; empty for a catalogue of one's own
  double train_seconds = 240;
  int resolution = 64;
  int features = 12;
  bool quiet = false;  // no progress
};

// One row of the stage table.
struct DemoStage {
  std::string name;
  double seconds = 0;
  nlohmann::json counts;  // object of numbers
};

struct WorstListing {
  v1::Product product;
  v1::Verdict verdict;
};

struct DemoResult {
  std::vector<DemoStage> stages;
  v1::GetStatisticsResponse statistics;
  v1::Product similar_to;
  std::vector<v1::SimilarProduct> similar;
  std::vector<WorstListing> worst;                   // most probably abused first
  std::map<std::string, std::int64_t> verdicts;      // by VerdictName
  std::map<std::string, std::optional<double>> auc;  // by ReasonName; empty without a truth
  std::string placeholder_sheet;                     // PNG
  std::string worst_sheet;                           // PNG: the worst listings' pictures
  std::string training_samples;                      // PNG
};

// CANCELLED after Ctrl-C; else the first stage that failed, named.
absl::StatusOr<DemoResult> RunDemo(const DemoServices& services, const DemoOptions& options);

// The last page, for people and for programs.
std::string DemoPage(const DemoResult& result);
nlohmann::json DemoJson(const DemoResult& result);

}  // namespace mannequin
