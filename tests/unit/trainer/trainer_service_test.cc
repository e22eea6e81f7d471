#include "services/trainer/trainer_service.h"

#include <filesystem>

#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/nn/gan.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
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
    return request;
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
  EXPECT_NE(ReadFile(folder + "/MODEL_CARD.md")->find("TRAINING set"), std::string::npos);

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
  v1::PromoteBundleResponse promoted;
  ASSERT_TRUE(stub_->PromoteBundle(&promote_context, promote, &promoted).ok());
  EXPECT_EQ(promoted.bundle().version(), manifest->version());
  promote.set_version("b-none");
  EXPECT_EQ(stub_->PromoteBundle(&unknown_context, promote, &promoted).error_code(), grpc::StatusCode::NOT_FOUND);
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
