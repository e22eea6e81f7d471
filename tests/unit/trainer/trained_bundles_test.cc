// Bundles that trainings make: what they say of themselves, how they are measured side by side,
// and which may be promoted.
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/store/job_state.h"
#include "services/trainer/pack.h"
#include "tests/unit/trainer/served_trainer.h"

namespace mannequin {
namespace {

class TrainedBundles : public ServedTrainer {
 protected:
  // The bundle of a training that took a few steps.
  v1::BundleManifest MustTrain(const v1::CreateTrainingRequest& request, v1::Job* ended = nullptr) {
    const v1::Job job = Watch(MustCreate(request).id());
    EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error();
    if (ended != nullptr) *ended = job;
    return *bundles_.Open(ProgressOf(job).bundle_version());
  }

  // That exactly the products which are not held out trained the bundle.
  void CheckLineage(const v1::BundleManifest& manifest) {
    v1::GetLineageRequest request;
    request.set_version(manifest.version());
    std::vector<std::string> trained;
    for (int category = 0; category < 3; ++category) {
      for (int i = 0; i < 20; ++i) {
        const std::string id = absl::StrCat("p-", category, "-", i);
        request.add_product_ids(id);
        if (SplitPosition(id) >= kHeldOutShare) trained.push_back(id);
      }
    }
    request.add_product_ids("p-never-seen");
    grpc::ClientContext context;
    v1::GetLineageResponse response;
    const grpc::Status status = stub_->GetLineage(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.lineage().products(), manifest.lineage().products());
    EXPECT_EQ(static_cast<std::int64_t>(trained.size()), manifest.lineage().products());
    EXPECT_EQ(std::vector<std::string>(response.trained_product_ids().begin(), response.trained_product_ids().end()),
              trained);
  }

  // A bundle with the current one's networks and figures as `change` makes them.
  template <typename Change>
  std::string Publish(const v1::BundleManifest& like, Change change) {
    const std::string staging = *bundles_.Stage();
    for (const v1::BundleFile& file : like.files()) {
      std::filesystem::copy_file(bundles_.FolderOf(like.version()) + "/" + file.path(), staging + "/" + file.path());
    }
    v1::BundleManifest manifest = like;
    change(manifest.mutable_gan());
    return bundles_.Publish(staging, manifest)->version();
  }

  grpc::Status Promote(const std::string& version, bool force, v1::PromoteBundleResponse* response) {
    grpc::ClientContext context;
    v1::PromoteBundleRequest request;
    request.set_version(version);
    request.set_force(force);
    return stub_->PromoteBundle(&context, request, response);
  }

  grpc::Status Evaluate(const std::vector<std::string>& versions, v1::Job* job) {
    grpc::ClientContext context;
    v1::EvaluateBundlesRequest request;
    request.mutable_versions()->Assign(versions.begin(), versions.end());
    v1::EvaluateBundlesResponse response;
    const grpc::Status status = stub_->EvaluateBundles(&context, request, &response);
    *job = response.job();
    return status;
  }
};

TEST_F(TrainedBundles, SayHowGoodTheyAreAndWhatTheyWereMadeFrom) {
  AddProducts(3, 20);
  AddEmbedding();
  Serve();
  v1::CreateTrainingRequest request = Tiny();
  request.set_data_license("CC0, by the tests");
  v1::Job job;
  const v1::BundleManifest manifest = MustTrain(request, &job);
  const std::string card = *ReadFile(bundles_.FolderOf(manifest.version()) + "/MODEL_CARD.md");
  EXPECT_NE(card.find("Licence: CC0, by the tests."), std::string::npos) << card;
  EXPECT_NE(card.find("| Frechet distance |"), std::string::npos) << card;
  const v1::Quality& quality = manifest.gan().quality();
  EXPECT_TRUE(quality.from_training());
  EXPECT_GT(quality.frechet_distance(), 0);
  EXPECT_EQ(ProgressOf(job).quality().measured_with(), quality.measured_with());
  // The embedding alone was current: nothing to measure beside.
  EXPECT_FALSE(manifest.gan().has_baseline());
  const v1::Lineage& lineage = manifest.lineage();
  EXPECT_EQ(lineage.job_id(), job.id());
  EXPECT_NE(lineage.request().find("data_license: \"CC0, by the tests\""), std::string::npos) << lineage.request();
  EXPECT_GT(lineage.products(), 40);
  EXPECT_LT(lineage.products(), 60);
  EXPECT_GT(lineage.seconds(), 0);
  CheckLineage(manifest);
}

TEST_F(TrainedBundles, AreMeasuredSideBySideAndNoWorseOneIsPromoted) {
  AddProducts(3, 20);
  AddEmbedding();
  Serve();
  v1::Job job;
  const v1::BundleManifest current = MustTrain(Tiny());
  ASSERT_TRUE(current.has_gan());

  v1::PromoteBundleResponse response;
  const std::string worse = Publish(current, [](v1::GanInfo* gan) { gan->mutable_quality()->set_match_auc(-1); });
  grpc::Status status = Promote(worse, false, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(status.error_message().find("match AUC"), std::string::npos) << status.error_message();
  EXPECT_EQ(*bundles_.CurrentVersion(), current.version());
  const std::string other =
      Publish(current, [](v1::GanInfo* gan) { gan->mutable_quality()->set_measured_with("another"); });
  status = Promote(other, false, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(status.error_message().find("train eval"), std::string::npos) << status.error_message();
  const std::string same = Publish(current, [](v1::GanInfo*) {});
  status = Promote(same, false, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_GT(response.gate_size(), 4);
  ASSERT_TRUE(Promote(worse, true, &response).ok());
  EXPECT_EQ(*bundles_.CurrentVersion(), worse);

  // Two with the same networks measure the same, and as the training measured them.
  ASSERT_TRUE(Evaluate({current.version(), same}, &job).ok());
  ASSERT_TRUE(Await([&] { return HasEnded(Get(job.id()).state()); }, absl::Seconds(120)));
  job = Get(job.id());
  ASSERT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error();
  v1::EvaluateBundlesProgress measured;
  ASSERT_TRUE(job.progress().UnpackTo(&measured));
  ASSERT_EQ(measured.bundles_size(), 2);
  EXPECT_EQ(measured.bundles(0).version(), current.version());
  EXPECT_EQ(measured.bundles(1).version(), same);
  EXPECT_EQ(measured.bundles(0).quality().DebugString(), measured.bundles(1).quality().DebugString());
  EXPECT_EQ(measured.bundles(0).quality().measured_with(), current.gan().quality().measured_with());
  EXPECT_NEAR(measured.bundles(0).quality().frechet_distance(), current.gan().quality().frechet_distance(), 1e-6);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/work/" + job.id()));

  EXPECT_EQ(Evaluate({"b-none"}, &job).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Evaluate({same, same}, &job).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Evaluate({current.parents(0)}, &job).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  grpc::ClientContext lineage_context;
  v1::GetLineageRequest lineage;
  lineage.set_version(current.parents(0));
  v1::GetLineageResponse of_embedding;
  EXPECT_EQ(stub_->GetLineage(&lineage_context, lineage, &of_embedding).error_code(),
            grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(TrainedBundles, ThatTheGateRefusesArePublishedNotPromotedAndItIsSaidWhy) {
  AddProducts(3, 20);
  AddEmbedding();
  Serve();
  const v1::BundleManifest first = MustTrain(Tiny());
  // A current one that nobody can be as good as.
  const std::string best = Publish(first, [](v1::GanInfo* gan) {
    for (v1::Calibration& calibration : *gan->mutable_calibrations()) calibration.set_auc(2);
  });
  v1::PromoteBundleResponse response;
  ASSERT_TRUE(Promote(best, true, &response).ok());

  v1::Job job;
  MustTrain(Tiny(), &job);
  const v1::TrainingProgress progress = ProgressOf(job);
  EXPECT_NE(progress.not_promoted_reason().find("MISMATCH AUC"), std::string::npos) << progress.not_promoted_reason();
  EXPECT_EQ(*bundles_.CurrentVersion(), best);
  const auto published = bundles_.Open(progress.bundle_version());
  ASSERT_TRUE(published.ok()) << published.status();
  EXPECT_EQ(published->gan().baseline_version(), best);
  EXPECT_EQ(published->gan().baseline().measured_with(), published->gan().quality().measured_with());
}

TEST_F(TrainedBundles, AreMeasuredWhileTheyAreTrainedAndTheBestCheckpointIsKept) {
  AddProducts(3, 20);
  AddEmbedding();
  Serve();
  v1::CreateTrainingRequest request = Tiny();
  request.set_steps(4);
  request.set_evaluation_steps(2);
  v1::Job job;
  MustTrain(request, &job);
  EXPECT_TRUE(std::filesystem::exists(JobFolderOf(job.id()) + "/best.safetensors"));
  EXPECT_FALSE(std::filesystem::exists(JobFolderOf(job.id()) + "/measured"));
}

TEST_F(TrainedBundles, OfTwoProcessesAreOneBundle) {
  AddProducts(3, 20);
  AddEmbedding();
  Serve();
  v1::CreateTrainingRequest request = Tiny();
  request.set_steps(20);
  for (int i = 0; i < 2; ++i) request.add_devices("cpu");
  v1::Job job;
  const v1::BundleManifest manifest = MustTrain(request, &job);
  EXPECT_EQ(manifest.gan().steps(), 20);
  EXPECT_EQ(manifest.gan().images(), 20 * 8);
  EXPECT_EQ(manifest.lineage().device(), "cpu, cpu");
}

// The second process is killed once: both begin anew from the last checkpoint, and the job
// succeeds.
TEST_F(TrainedBundles, SurviveTheDeathOfOneOfTwoProcesses) {
  AddProducts(3, 20);
  AddEmbedding();
  const std::string mark = folder_ + "/killed";
  // Once it has made some steps.
  config_.set_program(
      TrainerAfter(absl::StrCat("if [ \"$RANK\" = 1 ] && [ ! -e ", mark, " ]; then touch ", mark, "; (until [ -s ",
                                folder_, "/work/job-*/curve.pb ]; do sleep 0.05; done; kill -9 $$) & fi")));
  Serve();
  v1::CreateTrainingRequest request = Tiny();
  request.set_steps(120);
  for (int i = 0; i < 2; ++i) request.add_devices("cpu");
  v1::Job job;
  const v1::BundleManifest manifest = MustTrain(request, &job);
  EXPECT_EQ(manifest.gan().steps(), 120);
  EXPECT_EQ(ProgressOf(job).restarts(), 1);
}

}  // namespace
}  // namespace mannequin
