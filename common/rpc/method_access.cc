#include "common/rpc/method_access.h"

#include "absl/container/flat_hash_map.h"

namespace mannequin::rpc {

const std::vector<MethodAccess>& AllMethodAccess() {
  using enum Effect;
  // Jobs' leases and heartbeats are work, not changes: what they lead to is a change of its own.
  static const std::vector<MethodAccess> rows = {
      {"/mannequin.v1.ProductStore/UpsertProducts", kOperator, kChange},
      {"/mannequin.v1.ProductStore/GetIngestCheckpoint", kOperator, kRead},
      {"/mannequin.v1.ProductStore/GetProduct", kCatalog | kService, kRead},
      {"/mannequin.v1.ProductStore/BatchGetProducts", kCatalog | kService, kRead},
      {"/mannequin.v1.ProductStore/ListProducts", kCatalog | kService, kRead},
      {"/mannequin.v1.ProductStore/ScanProducts", kCatalog | kService, kWork},
      {"/mannequin.v1.ProductStore/PutImage", kService, kPut},
      {"/mannequin.v1.ProductStore/GetImage", kCatalog | kService, kRead},
      {"/mannequin.v1.ProductStore/LeaseFetches", kService, kWork},
      {"/mannequin.v1.ProductStore/CompleteFetches", kService, kChange},
      {"/mannequin.v1.ProductStore/RetryFetches", kService, kChange},
      {"/mannequin.v1.ProductStore/RefreshFetches", kService, kChange},
      {"/mannequin.v1.ProductStore/PutEmbeddings", kService, kPut},
      {"/mannequin.v1.ProductStore/ScanEmbeddings", kService, kWork},
      {"/mannequin.v1.ProductStore/CreateJob", kService, kChange},
      {"/mannequin.v1.ProductStore/GetJob", kCatalog | kService, kRead},
      {"/mannequin.v1.ProductStore/ListJobs", kService, kRead},
      {"/mannequin.v1.ProductStore/LeaseJob", kService, kWork},
      {"/mannequin.v1.ProductStore/HeartbeatJob", kService, kWork},
      {"/mannequin.v1.ProductStore/FinishJob", kService, kChange},
      {"/mannequin.v1.ProductStore/CancelJob", kService, kPut},
      {"/mannequin.v1.ProductStore/PauseJob", kService, kChange},
      {"/mannequin.v1.ProductStore/ResumeJob", kService, kChange},
      {"/mannequin.v1.ProductStore/PutPlaceholder", kService, kPut},
      {"/mannequin.v1.ProductStore/GetPlaceholder", kCatalog | kService, kRead},
      {"/mannequin.v1.ProductStore/ListPlaceholders", kCatalog | kService, kRead},
      {"/mannequin.v1.ProductStore/PutVerdicts", kService, kPut},
      {"/mannequin.v1.ProductStore/GetVerdict", kService, kRead},
      {"/mannequin.v1.ProductStore/ListVerdicts", kService, kRead},
      {"/mannequin.v1.ProductStore/PutReview", kService, kPut},
      {"/mannequin.v1.ProductStore/ListReviews", kService, kRead},
      {"/mannequin.v1.ProductStore/GetStatistics", kCatalog | kService, kRead},
      {"/mannequin.v1.ProductStore/CreateBackup", kOperator, kChange},
      {"/mannequin.v1.ProductStore/CheckIntegrity", kOperator, kChange},
      {"/mannequin.v1.ProductStore/ExportPictures", kOperator, kWork},
      {"/mannequin.v1.ProductStore/ExportRecords", kOperator, kWork},
      {"/mannequin.v1.ProductStore/SetReadOnly", kOperator, kChange},

      {"/mannequin.v1.ImageFetcher/StartCrawl", kOperator, kChange},
      {"/mannequin.v1.ImageFetcher/GetCrawl", kOperator, kRead},
      {"/mannequin.v1.ImageFetcher/WatchCrawl", kOperator, kWork},
      {"/mannequin.v1.ImageFetcher/CancelCrawl", kOperator, kPut},
      {"/mannequin.v1.ImageFetcher/PauseCrawl", kOperator, kChange},
      {"/mannequin.v1.ImageFetcher/ResumeCrawl", kOperator, kChange},
      {"/mannequin.v1.ImageFetcher/FetchImage", kService, kRead},

      {"/mannequin.v1.TextEmbedder/TrainEmbedding", kOperator, kChange},
      {"/mannequin.v1.TextEmbedder/EmbedCatalog", kOperator, kChange},
      {"/mannequin.v1.TextEmbedder/EmbedTexts", kCatalog | kService, kRead},
      {"/mannequin.v1.TextEmbedder/FindSimilar", kCatalog | kService, kRead},
      {"/mannequin.v1.TextEmbedder/BatchFindSimilar", kCatalog | kService, kRead},

      {"/mannequin.v1.GanTrainer/CreateTraining", kOperator, kChange},
      {"/mannequin.v1.GanTrainer/GetTraining", kOperator, kRead},
      {"/mannequin.v1.GanTrainer/ListTrainings", kOperator, kRead},
      {"/mannequin.v1.GanTrainer/WatchTraining", kOperator, kWork},
      {"/mannequin.v1.GanTrainer/GetTrainingCurve", kOperator, kRead},
      {"/mannequin.v1.GanTrainer/GetTrainingSample", kOperator, kRead},
      {"/mannequin.v1.GanTrainer/CancelTraining", kOperator, kPut},
      {"/mannequin.v1.GanTrainer/ResumeTraining", kOperator, kChange},
      {"/mannequin.v1.GanTrainer/PromoteBundle", kOperator, kChange},
      {"/mannequin.v1.GanTrainer/ListBundles", kOperator, kRead},
      {"/mannequin.v1.GanTrainer/EvaluateBundles", kOperator, kChange},
      {"/mannequin.v1.GanTrainer/GetLineage", kOperator, kRead},

      {"/mannequin.v1.TrainingWorker/RunTrainingProcess", kService, kWork},

      {"/mannequin.v1.ImageGenerator/GenerateImages", kCatalog, kWork},
      {"/mannequin.v1.ImageGenerator/MakePlaceholders", kCatalog, kChange},
      {"/mannequin.v1.ImageGenerator/ListPlaceholderQueue", kCatalog, kRead},
      {"/mannequin.v1.ImageGenerator/ReviewPlaceholder", kCatalog, kChange},
      {"/mannequin.v1.ImageGenerator/ApprovePlaceholders", kCatalog, kChange},
      {"/mannequin.v1.ImageGenerator/RedrawPlaceholder", kCatalog, kChange},
      {"/mannequin.v1.ImageGenerator/WithdrawPlaceholder", kCatalog, kChange},

      // Scoring keeps a verdict, but says nothing new of the product: not a change to audit.
      {"/mannequin.v1.AbuseScorer/ScoreListing", kBackend, kRead},
      {"/mannequin.v1.AbuseScorer/ScoreListings", kBackend, kWork},
      {"/mannequin.v1.AbuseScorer/ScoreCatalog", kOperator, kChange},
      {"/mannequin.v1.AbuseScorer/ReplayVerdict", kOperator, kWork},
      {"/mannequin.v1.AbuseScorer/SubmitReview", kOperator, kChange},
      {"/mannequin.v1.AbuseScorer/ListPolicies", kBackend, kRead},

      // Says no more than that the server serves; probes have no name.
      {"/grpc.health.v1.Health/Check", kAnybody, kWork},
      {"/grpc.health.v1.Health/Watch", kAnybody, kWork},
      {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", kOperator, kWork},
  };
  return rows;
}

bool MethodAccess::IsOpenTo(config::v1::Role role) const {
  if ((callers & kAnybody) != 0) return true;
  switch (role) {
    case config::v1::ROLE_BACKEND:
      return (callers & kBackend) != 0;
    case config::v1::ROLE_CATALOG:
      return (callers & kCatalog) != 0;
    case config::v1::ROLE_SERVICE:
      return (callers & kService) != 0;
    case config::v1::ROLE_OPERATOR:
      return true;
    default:
      return false;
  }
}

const MethodAccess* FindMethodAccess(absl::string_view path) {
  static const auto& rows = *new absl::flat_hash_map<absl::string_view, const MethodAccess*>([] {
    absl::flat_hash_map<absl::string_view, const MethodAccess*> by_path;
    for (const MethodAccess& row : AllMethodAccess()) by_path.emplace(row.path, &row);
    return by_path;
  }());
  const auto found = rows.find(path);
  return found == rows.end() ? nullptr : found->second;
}

}  // namespace mannequin::rpc
