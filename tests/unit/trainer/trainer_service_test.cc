#include "services/trainer/trainer_service.h"

#include <filesystem>

#include "common/base/file.h"
#include "common/nn/gan.h"
#include "common/text/text_encoder.h"
#include "gmock/gmock.h"
#include "services/trainer/checkpoints.h"
#include "tests/unit/trainer/served_trainer.h"

namespace mannequin {
namespace {

class Trainer : public ServedTrainer {};

TEST_F(Trainer, TrainsAndPublishesABundleThatDrawsAndResumes) {
  AddProducts(3, 20);
  AddEmbedding();
  Serve();
  v1::Job job;
  v1::CreateTrainingRequest request = Tiny();
  request.set_judge_steps(2);
  const grpc::Status created = Create(request, &job);
  ASSERT_TRUE(created.ok()) << created.error_message();
  int samples = 0;
  job = Watch(job.id(), &samples);
  ASSERT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error();
  const v1::TrainingProgress progress = ProgressOf(job);
  EXPECT_EQ(samples, 1) << "each grid is sent once";
  EXPECT_GT(progress.peak_memory_bytes(), 50 << 20);
  EXPECT_FALSE(std::filesystem::exists(JobFolderOf(job.id()) + "/pack"));
  EXPECT_FALSE(std::filesystem::exists(JobFolderOf(job.id()) + "/bundle"));
  EXPECT_EQ(progress.step(), 3);
  EXPECT_EQ(progress.products(), 60);
  EXPECT_GT(progress.images_per_second(), 0);
  EXPECT_TRUE(DecodeImage(*ReadFile(progress.sample_path())).ok());

  const auto manifest = bundles_.Open(progress.bundle_version());
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(*bundles_.CurrentVersion(), progress.bundle_version());
  EXPECT_EQ(manifest->gan().categories_size(), 3);
  EXPECT_EQ(manifest->gan().calibrations_size(), 2);
  EXPECT_EQ(manifest->gan().judge().steps(), 2);
  EXPECT_EQ(progress.judge_step(), 2);
  EXPECT_EQ(manifest->parents_size(), 1);
  EXPECT_EQ(manifest->embedding().dimension(), 16);
  const std::string folder = bundles_.FolderOf(manifest->version());
  const auto gan = LoadGan(*manifest, folder, "cpu");
  ASSERT_TRUE(gan.ok()) << gan.status();
  EXPECT_TRUE(Generate(*gan, {std::vector<float>(16, 0.25f)}, {1}).ok());
  EXPECT_TRUE(TextEncoder::Load(folder).ok());
  // Fewer than 40 products are held out here, and the card says so.
  EXPECT_NE(ReadFile(folder + "/MODEL_CARD.md")->find("TRAINING set"), std::string::npos);

  const v1::Job resumed = Resume(job.id());
  EXPECT_NE(resumed.id(), job.id());
  EXPECT_EQ(Watch(resumed.id()).state(), v1::JOB_STATE_SUCCEEDED);
  for (const std::string& id : {job.id(), resumed.id()}) {
    grpc::ClientContext context;
    v1::GetTrainingCurveRequest ask;
    ask.set_job_id(id);
    v1::GetTrainingCurveResponse curve;
    ASSERT_TRUE(stub_->GetTrainingCurve(&context, ask, &curve).ok());
    ASSERT_EQ(curve.points_size(), 2) << "of the checkpoint, and the end";
    EXPECT_EQ(curve.points(1).step(), 3);
    EXPECT_EQ(curve.points(1).learning_rate(), 2e-4);
    EXPECT_GT(curve.points(1).loss_discriminator(), 0);
  }

  grpc::ClientContext newest_context, earlier_context;
  v1::GetTrainingSampleRequest ask_sample;
  ask_sample.set_job_id(job.id());
  v1::GetTrainingSampleResponse newest, earlier;
  ASSERT_TRUE(stub_->GetTrainingSample(&newest_context, ask_sample, &newest).ok());
  ASSERT_GE(newest.steps_size(), 1);
  EXPECT_EQ(newest.step(), *newest.steps().rbegin());
  EXPECT_TRUE(DecodeImage(newest.png()).ok());
  ask_sample.set_step(newest.steps(0) + 1);
  ASSERT_TRUE(stub_->GetTrainingSample(&earlier_context, ask_sample, &earlier).ok());
  EXPECT_LE(earlier.step(), ask_sample.step());

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

TEST_F(Trainer, RefusesALossThatThePresetDoesNotTakeAndDevicesThatAreNotThere) {
  config_.add_devices("cpu");
  Serve();
  v1::Job job;
  const auto refused = [&](const v1::CreateTrainingRequest& request, const std::string& why) {
    const grpc::Status status = Create(request, &job);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << why;
    EXPECT_THAT(status.error_message(), testing::HasSubstr(why));
  };
  v1::CreateTrainingRequest request = Tiny();
  request.set_loss(v1::GAN_LOSS_LSGAN);
  refused(request, "loss: preset \"mannequin\" takes RELATIVISTIC");
  request.set_preset("tacgan");
  request.set_loss(v1::GAN_LOSS_RELATIVISTIC);
  refused(request, "loss: preset \"tacgan\" takes LSGAN or BCE");
  request = Tiny();
  request.add_devices("cuda:5");
  refused(request, "\"cuda:5\" is not one of this trainer's: cpu");
  request = Tiny();
  for (int i = 0; i < 5; ++i) request.add_devices("cpu");
  refused(request, "devices: 5 is not 0 to 4");
  request = Tiny();
  request.set_divergence_policy(static_cast<v1::DivergencePolicy>(9));
  refused(request, "divergence_policy");
  request = Tiny();
  request.set_learning_rate_schedule(static_cast<v1::LearningRateSchedule>(9));
  refused(request, "learning_rate_schedule");
  request = Tiny();
  request.set_judge_steps(-2);
  refused(request, "judge_steps");
  request = Tiny();
  request.set_keep_checkpoints(101);
  refused(request, "keep_checkpoints");

  grpc::ClientContext context;
  v1::GetTrainingCurveRequest curve;
  curve.set_job_id("job-none");
  v1::GetTrainingCurveResponse points;
  EXPECT_EQ(stub_->GetTrainingCurve(&context, curve, &points).error_code(), grpc::StatusCode::NOT_FOUND);
  grpc::ClientContext unknown_context, negative_context;
  v1::GetTrainingSampleRequest sample;
  sample.set_job_id("job-none");
  v1::GetTrainingSampleResponse grid;
  EXPECT_EQ(stub_->GetTrainingSample(&unknown_context, sample, &grid).error_code(), grpc::StatusCode::NOT_FOUND);
  sample.set_step(-1);
  EXPECT_EQ(stub_->GetTrainingSample(&negative_context, sample, &grid).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(Trainer, ABatchOfMoreThanThereAreImagesFails) {
  AddProducts(2, 20);
  AddEmbedding();
  Serve();
  v1::CreateTrainingRequest request = Tiny();
  request.set_batch(200);
  const v1::Job job = Watch(MustCreate(request).id());
  EXPECT_EQ(job.state(), v1::JOB_STATE_FAILED);
  EXPECT_THAT(job.error(), testing::HasSubstr("a batch has 200: use a smaller batch"));
  EXPECT_FALSE(std::filesystem::exists(JobFolderOf(job.id()) + "/pack"));
}

TEST_F(Trainer, ATrainingWaitsInTheQueueUntilItsDeviceIsFree) {
  AddProducts(2, 20);
  AddEmbedding();
  Serve();
  v1::CreateTrainingRequest request = Tiny();
  request.set_steps(1'000'000);
  const v1::Job first = MustCreate(request);
  const v1::Job second = MustCreate(Tiny());
  ASSERT_TRUE(Await([&] { return Checkpoints::AnyIn(JobFolderOf(first.id())); }));
  EXPECT_EQ(Get(first.id()).state(), v1::JOB_STATE_RUNNING);
  EXPECT_EQ(Get(second.id()).state(), v1::JOB_STATE_QUEUED);
  Cancel(first.id());
  EXPECT_EQ(Watch(second.id()).state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(Get(first.id()).state(), v1::JOB_STATE_CANCELLED);
}

TEST_F(Trainer, CancelEndsATrainingAndKeepsItsCheckpoint) {
  AddProducts(2, 20);
  AddEmbedding();
  Serve();
  v1::CreateTrainingRequest request = Tiny();
  request.set_steps(1'000'000);
  request.set_checkpoint_steps(1);
  const v1::Job job = MustCreate(request);
  ASSERT_TRUE(Await([&] { return Checkpoints::AnyIn(JobFolderOf(job.id())); }));
  Cancel(job.id());
  EXPECT_EQ(Watch(job.id()).state(), v1::JOB_STATE_CANCELLED);
  EXPECT_TRUE(Checkpoints::AnyIn(JobFolderOf(job.id())));
  EXPECT_FALSE(std::filesystem::exists(JobFolderOf(job.id()) + "/pack"));
}

TEST_F(Trainer, ATrainingWhoseTrainerStopsGoesOnWithItsPack) {
  AddProducts(2, 20);
  AddEmbedding();
  Serve();
  v1::CreateTrainingRequest request = Tiny();
  request.set_steps(60);
  request.set_checkpoint_steps(5);
  const v1::Job job = MustCreate(request);
  ASSERT_TRUE(Await([&] { return Checkpoints::AnyIn(JobFolderOf(job.id())); }));
  StopServing();
  ASSERT_EQ(Get(job.id()).state(), v1::JOB_STATE_QUEUED);
  ASSERT_TRUE(std::filesystem::exists(JobFolderOf(job.id()) + "/pack/index.pb"));
  Serve();
  const v1::Job ended = Watch(job.id());
  EXPECT_EQ(ended.state(), v1::JOB_STATE_SUCCEEDED) << ended.error();
  EXPECT_EQ(ProgressOf(ended).step(), 60);
  EXPECT_THAT(*ReadFile(JobFolderOf(job.id()) + "/log.txt"), testing::HasSubstr("goes on at step"));
  EXPECT_FALSE(std::filesystem::exists(JobFolderOf(job.id()) + "/pack"));
}

}  // namespace
}  // namespace mannequin
