// A trainer behind a real channel, over a small catalogue, whose trainings run as processes of
// the trainer's own binary.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "services/trainer/trainer_service.h"
#include "tests/unit/trainer/catalogue.h"

namespace mannequin {

class ServedTrainer : public CatalogueTest {
 protected:
  void Serve() {
    config_.set_bundles(folder_ + "/bundles");
    config_.set_work(folder_ + "/work");
    config_.set_threads(1);
    if (config_.devices_size() == 0) config_.set_device("cpu");
    if (config_.program().empty()) config_.set_program(MANNEQUIN_TRAINER);
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
  void TearDown() override { StopServing(); }
  void StopServing() {
    if (service_) service_->Stop();
    if (server_) server_->Drain();
    stub_.reset();
    server_.reset();
    service_.reset();
  }

  static v1::CreateTrainingRequest Tiny() {
    v1::CreateTrainingRequest request;
    request.set_resolution(64);
    request.set_features(8);
    request.set_batch(8);
    request.set_steps(3);
    request.set_checkpoint_steps(2);
    request.set_judge_steps(-1);
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

  v1::Job MustCreate(const v1::CreateTrainingRequest& request) {
    v1::Job job;
    const grpc::Status status = Create(request, &job);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return job;
  }

  // Watches to the end; the last message. Sample grids are counted.
  v1::Job Watch(const std::string& id, int* samples = nullptr) {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(90));
    v1::WatchTrainingRequest request;
    request.set_job_id(id);
    const auto reader = stub_->WatchTraining(&context, request);
    v1::WatchTrainingResponse response;
    while (reader->Read(&response)) {
      if (samples != nullptr && DecodeImage(response.sample_png()).ok()) ++*samples;
    }
    const grpc::Status status = reader->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.job();
  }

  v1::Job Resume(const std::string& id) {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(20));
    v1::ResumeTrainingRequest request;
    request.set_job_id(id);
    v1::ResumeTrainingResponse response;
    const grpc::Status status = stub_->ResumeTraining(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.job();
  }

  void Cancel(const std::string& id) {
    grpc::ClientContext context;
    v1::CancelTrainingRequest cancel;
    cancel.set_job_id(id);
    v1::CancelTrainingResponse cancelled;
    EXPECT_TRUE(stub_->CancelTraining(&context, cancel, &cancelled).ok());
  }

  v1::Job Get(const std::string& id) {
    v1::GetJobRequest request;
    request.set_id(id);
    return store_->GetJob(request)->job();
  }

  static v1::TrainingProgress ProgressOf(const v1::Job& job) {
    v1::TrainingProgress progress;
    EXPECT_TRUE(job.progress().UnpackTo(&progress));
    return progress;
  }

  static bool Await(const std::function<bool()>& condition, absl::Duration patience = absl::Seconds(60)) {
    const absl::Time deadline = absl::Now() + patience;
    while (!condition()) {
      if (absl::Now() > deadline) return false;
      absl::SleepFor(absl::Milliseconds(10));
    }
    return true;
  }

  // A program that runs `line` and then is the trainer's.
  std::string TrainerAfter(const std::string& line) const {
    const std::string path = folder_ + "/trainer.sh";
    EXPECT_TRUE(
        WriteFileAtomically(path, absl::StrCat("#!/bin/sh\n", line, "\nexec ", MANNEQUIN_TRAINER, " \"$@\"\n")).ok());
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
  }

  std::string JobFolderOf(const std::string& id) const { return folder_ + "/work/" + id; }

  config::v1::TrainerConfig config_;
  std::unique_ptr<TrainerService> service_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<v1::GanTrainer::Stub> stub_;
};

}  // namespace mannequin
