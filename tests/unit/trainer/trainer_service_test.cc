#include "services/trainer/trainer_service.h"

#include <filesystem>

#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/nn/gan.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/store/job_state.h"
#include "services/trainer/pack.h"
#include "services/trainer/training_job.h"
#include "tests/unit/trainer/catalogue.h"

namespace mannequin {
namespace {

class Trainer : public CatalogueTest {
 protected:
  void Serve() {
    config_.set_bundles(folder_ + "/bundles");
    config_.set_work(folder_ + "/work");
    config_.set_device("cpu");
    config_.set_threads(1);
    ASSERT_TRUE(TrainerService::Validate(config_).ok());
    service_ = std::make_unique<TrainerService>(*store_, config_);
    config::v1::ServerConfig server;
    server.set_listen("127.0.0.1:0");
    auto started = rpc::Server::Start("trainer", server, {service_.get()});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    server_->SetServing(true);
    service_->Start();
    stub_ = v1::GanTrainer::NewStub(rpc::NewChannel(server_->address()));
  }
  void TearDown() override {
    if (service_) service_->Stop();
    if (server_) server_->Drain();
  }

  static v1::CreateTrainingRequest Tiny() {
    v1::CreateTrainingRequest request;
    request.set_resolution(64);
    request.set_features(8);
    request.set_batch(8);
    request.set_steps(3);
    request.set_checkpoint_steps(2);
    request.set_promote(true);
    request.set_data_license("CC0, by the tests");
    return request;
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

  grpc::Status Create(const v1::CreateTrainingRequest& request, v1::Job* job) {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(20));
    v1::CreateTrainingResponse response;
    const grpc::Status status = stub_->CreateTraining(&context, request, &response);
    *job = response.job();
    return status;
  }

  // Watches to the end; the last message.
  v1::Job Watch(const std::string& id) {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(90));
    v1::WatchTrainingRequest request;
    request.set_job_id(id);
    const auto reader = stub_->WatchTraining(&context, request);
    v1::WatchTrainingResponse response;
    while (reader->Read(&response)) continue;
    const grpc::Status status = reader->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.job();
  }

  config::v1::TrainerConfig config_;
  std::unique_ptr<TrainerService> service_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<v1::GanTrainer::Stub> stub_;
};

TEST_F(Trainer, TrainsAndPublishesABundleThatDrawsAndResumes) {
  AddProducts(3, 20);
  AddEmbedding();
  Serve();
  v1::Job job;
  const grpc::Status created = Create(Tiny(), &job);
  ASSERT_TRUE(created.ok()) << created.error_message();
  job = Watch(job.id());
  ASSERT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error();
  v1::TrainingProgress progress;
  ASSERT_TRUE(job.progress().UnpackTo(&progress));
  EXPECT_EQ(progress.step(), 3);
  EXPECT_EQ(progress.products(), 60);
  EXPECT_GT(progress.images_per_second(), 0);
  EXPECT_TRUE(DecodeImage(*ReadFile(progress.sample_path())).ok());

  const auto manifest = bundles_.Open(progress.bundle_version());
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(*bundles_.CurrentVersion(), progress.bundle_version());
  EXPECT_EQ(manifest->gan().categories_size(), 3);
  EXPECT_EQ(manifest->gan().calibrations_size(), 2);
  EXPECT_EQ(manifest->parents_size(), 1);
  EXPECT_EQ(manifest->embedding().dimension(), 16);
  const std::string folder = bundles_.FolderOf(manifest->version());
  const auto gan = LoadGan(*manifest, folder, "cpu");
  ASSERT_TRUE(gan.ok()) << gan.status();
  EXPECT_TRUE(Generate(*gan, {std::vector<float>(16, 0.25f)}, {1}).ok());
  EXPECT_TRUE(TextEncoder::Load(folder).ok());
  // Fewer than 40 products are held out here, and the card says so.
  const std::string card = *ReadFile(folder + "/MODEL_CARD.md");
  EXPECT_NE(card.find("TRAINING set"), std::string::npos);
  EXPECT_NE(card.find("Licence: CC0, by the tests."), std::string::npos) << card;
  EXPECT_NE(card.find("| Frechet distance |"), std::string::npos) << card;
  const v1::Quality& quality = manifest->gan().quality();
  EXPECT_TRUE(quality.from_training());
  EXPECT_GT(quality.frechet_distance(), 0);
  EXPECT_EQ(progress.quality().measured_with(), quality.measured_with());
  // The embedding alone was current: nothing to measure beside.
  EXPECT_FALSE(manifest->gan().has_baseline());
  const v1::Lineage& lineage = manifest->lineage();
  EXPECT_EQ(lineage.job_id(), job.id());
  EXPECT_NE(lineage.request().find("data_license: \"CC0, by the tests\""), std::string::npos) << lineage.request();
  EXPECT_GT(lineage.products(), 40);
  EXPECT_LT(lineage.products(), 60);
  EXPECT_GT(lineage.seconds(), 0);
  CheckLineage(*manifest);

  grpc::ClientContext context;
  rpc::SetDeadline(context, absl::Seconds(20));
  v1::ResumeTrainingRequest resume;
  resume.set_job_id(job.id());
  v1::ResumeTrainingResponse resumed;
  ASSERT_TRUE(stub_->ResumeTraining(&context, resume, &resumed).ok());
  EXPECT_NE(resumed.job().id(), job.id());
  EXPECT_EQ(Watch(resumed.job().id()).state(), v1::JOB_STATE_SUCCEEDED);

  grpc::ClientContext list_context, bundles_context, promote_context, unknown_context;
  v1::ListTrainingsResponse trainings;
  ASSERT_TRUE(stub_->ListTrainings(&list_context, {}, &trainings).ok());
  EXPECT_EQ(trainings.jobs_size(), 2);
  v1::ListBundlesResponse bundles;
  ASSERT_TRUE(stub_->ListBundles(&bundles_context, {}, &bundles).ok());
  EXPECT_EQ(bundles.bundles_size(), 3);
  v1::PromoteBundleRequest promote;
  promote.set_version(manifest->version());
  promote.set_force(true);
  v1::PromoteBundleResponse promoted;
  ASSERT_TRUE(stub_->PromoteBundle(&promote_context, promote, &promoted).ok());
  EXPECT_EQ(promoted.bundle().version(), manifest->version());
  promote.set_version("b-none");
  EXPECT_EQ(stub_->PromoteBundle(&unknown_context, promote, &promoted).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(Trainer, MeasuresBundlesAndPromotesNoWorseOne) {
  AddProducts(3, 20);
  AddEmbedding();
  Serve();
  v1::Job job;
  ASSERT_TRUE(Create(Tiny(), &job).ok());
  job = Watch(job.id());
  ASSERT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error();
  const v1::BundleManifest current = *bundles_.Open(*bundles_.CurrentVersion());
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
  const absl::Time deadline = absl::Now() + absl::Seconds(90);
  v1::GetJobRequest get;
  get.set_id(job.id());
  while (!HasEnded(job.state()) && absl::Now() < deadline) {
    job = store_->GetJob(get)->job();
    absl::SleepFor(absl::Milliseconds(20));
  }
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

TEST_F(Trainer, PublishesATrainingThatTheGateRefusesAndSaysWhy) {
  AddProducts(3, 20);
  AddEmbedding();
  Serve();
  v1::Job job;
  ASSERT_TRUE(Create(Tiny(), &job).ok());
  ASSERT_EQ(Watch(job.id()).state(), v1::JOB_STATE_SUCCEEDED);
  const v1::BundleManifest first = *bundles_.Open(*bundles_.CurrentVersion());
  // A current one that nobody can be as good as.
  const std::string best = Publish(first, [](v1::GanInfo* gan) {
    for (v1::Calibration& calibration : *gan->mutable_calibrations()) calibration.set_auc(2);
  });
  v1::PromoteBundleResponse response;
  ASSERT_TRUE(Promote(best, true, &response).ok());

  ASSERT_TRUE(Create(Tiny(), &job).ok());
  job = Watch(job.id());
  ASSERT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error();
  v1::TrainingProgress progress;
  ASSERT_TRUE(job.progress().UnpackTo(&progress));
  EXPECT_NE(progress.not_promoted_reason().find("MISMATCH AUC"), std::string::npos) << progress.not_promoted_reason();
  EXPECT_EQ(*bundles_.CurrentVersion(), best);
  const auto published = bundles_.Open(progress.bundle_version());
  ASSERT_TRUE(published.ok()) << published.status();
  EXPECT_EQ(published->gan().baseline_version(), best);
  EXPECT_EQ(published->gan().baseline().measured_with(), published->gan().quality().measured_with());
}

TEST_F(Trainer, RefusesWhatItCannotTrain) {
  Serve();
  v1::Job job;
  v1::CreateTrainingRequest request = Tiny();
  request.set_preset("stylegan");
  EXPECT_EQ(Create(request, &job).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request = Tiny();
  request.set_resolution(100);
  EXPECT_EQ(Create(request, &job).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request = Tiny();
  request.set_batch(1);
  EXPECT_EQ(Create(request, &job).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request = Tiny();
  request.add_devices("tpu");
  EXPECT_EQ(Create(request, &job).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request = Tiny();
  request.set_loss(static_cast<v1::GanLoss>(7));
  EXPECT_EQ(Create(request, &job).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request = Tiny();
  request.set_data_license(std::string(1'025, 'x'));
  EXPECT_EQ(Create(request, &job).error_code(), grpc::StatusCode::INVALID_ARGUMENT);

  grpc::ClientContext get_context, resume_context;
  v1::GetTrainingRequest get;
  get.set_job_id("job-none");
  v1::GetTrainingResponse got;
  EXPECT_EQ(stub_->GetTraining(&get_context, get, &got).error_code(), grpc::StatusCode::NOT_FOUND);
  v1::ResumeTrainingRequest resume;
  resume.set_job_id("job-none");
  v1::ResumeTrainingResponse resumed;
  EXPECT_EQ(stub_->ResumeTraining(&resume_context, resume, &resumed).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(Trainer, FailsClearlyWithoutEmbeddingImagesOrCategories) {
  Serve();
  v1::Job job;
  ASSERT_TRUE(Create(Tiny(), &job).ok());
  job = Watch(job.id());
  EXPECT_EQ(job.state(), v1::JOB_STATE_FAILED);
  EXPECT_NE(job.error().find("train the embedding first"), std::string::npos) << job.error();

  AddEmbedding();
  ASSERT_TRUE(Create(Tiny(), &job).ok());
  job = Watch(job.id());
  EXPECT_EQ(job.state(), v1::JOB_STATE_FAILED);
  EXPECT_NE(job.error().find("only 0 products"), std::string::npos) << job.error();

  AddProducts(1, 30);
  ASSERT_TRUE(Create(Tiny(), &job).ok());
  job = Watch(job.id());
  EXPECT_EQ(job.state(), v1::JOB_STATE_FAILED);
  EXPECT_NE(job.error().find("only the category \"Kind0\""), std::string::npos) << job.error();
}

TEST_F(Trainer, CancelEndsATrainingAndKeepsItsCheckpoint) {
  AddProducts(2, 20);
  AddEmbedding();
  Serve();
  v1::CreateTrainingRequest request = Tiny();
  request.set_steps(1'000'000);
  request.set_checkpoint_steps(1);
  v1::Job job;
  ASSERT_TRUE(Create(request, &job).ok());
  const std::string checkpoint = CheckpointPath(folder_ + "/work", job.id());
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  while (!std::filesystem::exists(checkpoint) && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(20));
  ASSERT_TRUE(std::filesystem::exists(checkpoint));
  grpc::ClientContext context;
  v1::CancelTrainingRequest cancel;
  cancel.set_job_id(job.id());
  v1::CancelTrainingResponse cancelled;
  ASSERT_TRUE(stub_->CancelTraining(&context, cancel, &cancelled).ok());
  EXPECT_EQ(Watch(job.id()).state(), v1::JOB_STATE_CANCELLED);
}

}  // namespace
}  // namespace mannequin
