// Groups of real processes: this program starts itself again as each rank.
#include "services/trainer/process_group.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/trainer/batch_shard.h"
#include "services/trainer/gradient_reducer.h"
#include "tests/free_port.h"

extern char** environ;

namespace mannequin {
namespace {

using testing::HasSubstr;

constexpr int kRanks = 2, kImages = 8;
constexpr absl::Duration kHangTimeout = absl::Seconds(2);

// Convolution and dense layer, without batch norm; and big enough for several buckets.
struct Network : torch::nn::Module {
  Network() {
    conv = register_module("conv", torch::nn::Conv2d(torch::nn::Conv2dOptions(3, 8, 4).stride(4)));
    wide = register_module("wide", torch::nn::Linear(8 * 16 * 16, 1024));
    last = register_module("last", torch::nn::Linear(1024, 3));
    unused = register_module("unused", torch::nn::Linear(2, 2));
  }
  torch::Tensor Loss(const Batch& batch) {
    const auto count = static_cast<std::int64_t>(batch.labels.size());
    const torch::Tensor images =
        torch::from_blob(const_cast<std::uint8_t*>(batch.images.data()), {count, 64, 64, 3}, torch::kByte)
            .permute({0, 3, 1, 2})
            .to(torch::kFloat)
            .div(127.5)
            .sub(1);
    const torch::Tensor labels =
        torch::from_blob(const_cast<std::int64_t*>(batch.labels.data()), {count}, torch::kLong);
    const torch::Tensor hidden = torch::leaky_relu(conv(images), 0.2).flatten(1);
    return torch::nn::functional::cross_entropy(last(torch::relu(wide(hidden))), labels);
  }
  std::vector<torch::Tensor> Gradients() {
    std::vector<torch::Tensor> gradients;
    for (const torch::Tensor& parameter : parameters()) gradients.push_back(parameter.grad());
    return gradients;
  }
  torch::nn::Conv2d conv{nullptr};
  torch::nn::Linear wide{nullptr}, last{nullptr}, unused{nullptr};
};

Batch JoinedBatch() {
  torch::manual_seed(3);
  const torch::Tensor images = torch::randint(0, 256, {kImages, 64, 64, 3}, torch::kByte);
  Batch batch;
  batch.step = 7;
  batch.side = 64;
  batch.clean = 6;
  batch.images.assign(images.data_ptr<std::uint8_t>(), images.data_ptr<std::uint8_t>() + images.numel());
  for (int i = 0; i < kImages; ++i) {
    batch.labels.push_back(i % 3);
    batch.honest.push_back(static_cast<float>(i));
    batch.texts.insert(batch.texts.end(), 5, static_cast<float>(i));
    batch.overlay_cells.insert(batch.overlay_cells.end(), 64, static_cast<float>(i));
  }
  return batch;
}

// --- what a rank does; the exit status tells how it went, standard output what was said ---

absl::StatusOr<std::unique_ptr<ProcessGroup>> JoinAs(int rank, const std::string& rendezvous) {
  return ProcessGroup::Join({.rank = rank,
                             .world_size = kRanks,
                             .rendezvous = rendezvous,
                             .join_timeout = absl::Seconds(60),
                             .timeout = kHangTimeout});
}

absl::Status WriteGradients(ProcessGroup& group, const std::string& path) {
  torch::manual_seed(static_cast<std::uint64_t>(group.rank()) + 1);  // apart until the broadcast
  Network network;
  RETURN_IF_ERROR(BroadcastTensors(group, network.parameters()));
  const auto shard = ShardOf(JoinedBatch(), group.rank(), kRanks);
  if (!shard.ok()) return shard.status();
  network.Loss(*shard).backward();
  GradientReducer reducer(&group, network.parameters());
  RETURN_IF_ERROR(reducer.Reduce());
  std::vector<torch::Tensor> written = network.parameters();
  for (const torch::Tensor& gradient : network.Gradients()) written.push_back(gradient);
  torch::save(written, path);
  return group.Barrier();
}

// Steps without end, until the other dies or hangs in the third.
absl::Status StepUntil(ProcessGroup& group, const std::string& what) {
  torch::manual_seed(1);
  Network network;
  GradientReducer reducer(&group, network.parameters());
  const Batch batch = JoinedBatch();
  for (int step = 0;; ++step) {
    network.zero_grad();
    network.Loss(batch).backward();
    if (step == 2 && group.rank() == 1) {
      if (what == "killed") raise(SIGKILL);
      for (;;) pause();
    }
    RETURN_IF_ERROR(reducer.Reduce());
  }
}

absl::Status Average(ProcessGroup& group) {
  std::vector<float> values = {static_cast<float>(group.rank()), 10};
  RETURN_IF_ERROR(group.AllReduceMean(absl::MakeSpan(values)));
  if (values != std::vector<float>{0.5, 10}) return absl::InternalError("wrong mean");
  values[0] = static_cast<float>(group.rank()) + 5;
  RETURN_IF_ERROR(group.Broadcast(absl::MakeSpan(values), 1));
  if (values[0] != 6) return absl::InternalError("wrong broadcast");
  std::vector<torch::Tensor> steps = {torch::full({}, group.rank() + 4, torch::kLong)};
  RETURN_IF_ERROR(BroadcastTensors(group, steps));
  return steps[0].item<std::int64_t>() == 4 ? absl::OkStatus() : absl::InternalError("wrong tensor broadcast");
}

int RunRank(const std::string& what, int rank, const std::string& rendezvous, const std::string& folder) {
  torch::set_num_threads(1);
  const auto finish = [&](const absl::Status& status) {
    std::ofstream(absl::StrCat(folder, "/said-", rank)) << status;
    return status.ok() ? 0 : 1;
  };
  auto group = JoinAs(rank, rendezvous);
  if (!group.ok()) return finish(group.status());
  if (what == "gradients") return finish(WriteGradients(**group, absl::StrCat(folder, "/gradients-", rank)));
  if (what == "average") return finish(Average(**group));
  absl::Status status = StepUntil(**group, what);
  // The group stays failed.
  if ((*group)->Barrier() != status) status = absl::InternalError("the group forgot its error");
  return finish(status);
}

// --- the tests ---

class Processes : public testing::Test {
 protected:
  Processes() : folder_(*MakeTemporaryFolder("group")) {}
  ~Processes() override {
    for (const pid_t rank : ranks_) {
      if (rank == 0) continue;
      kill(rank, SIGKILL);
      waitpid(rank, nullptr, 0);
    }
    std::filesystem::remove_all(folder_);
  }

  void Start(const std::string& what, const std::string& rendezvous) {
    for (int rank = 0; rank < kRanks; ++rank) {
      std::vector<std::string> words = {"process_group_test", what, std::to_string(rank), rendezvous, folder_};
      std::vector<char*> arguments;
      for (std::string& word : words) arguments.push_back(word.data());
      arguments.push_back(nullptr);
      ASSERT_EQ(posix_spawn(&ranks_[rank], "/proc/self/exe", nullptr, nullptr, arguments.data(), environ), 0);
    }
  }

  int Wait(int rank) {
    int status = 0;
    waitpid(ranks_[rank], &status, 0);
    ranks_[rank] = 0;
    return status;
  }

  std::string Said(int rank) const { return ReadFile(absl::StrCat(folder_, "/said-", rank)).value_or(""); }

  const std::string folder_;
  pid_t ranks_[kRanks] = {};
};

TEST_F(Processes, MeetByAFileAndAverage) {
  Start("average", folder_ + "/meet");
  for (int rank = 0; rank < kRanks; ++rank) EXPECT_EQ(Wait(rank), 0) << Said(rank);
}

TEST_F(Processes, MeetAtAPort) {
  Start("average", absl::StrCat("127.0.0.1:", FreePort()));
  for (int rank = 0; rank < kRanks; ++rank) EXPECT_EQ(Wait(rank), 0) << Said(rank);
}

TEST_F(Processes, GradientsAreThoseOfOneProcessWithTheJoinedBatch) {
  Start("gradients", folder_ + "/meet");
  for (int rank = 0; rank < kRanks; ++rank) ASSERT_EQ(Wait(rank), 0) << Said(rank);
  std::vector<torch::Tensor> first, second;
  torch::load(first, folder_ + "/gradients-0");
  torch::load(second, folder_ + "/gradients-1");
  torch::manual_seed(1);  // rank 0's
  Network network;
  network.Loss(JoinedBatch()).backward();
  const std::vector<torch::Tensor> weights = network.parameters(), gradients = network.Gradients();
  ASSERT_EQ(first.size(), weights.size() + gradients.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_TRUE(first[i].equal(second[i])) << i;  // to the bit
    if (i < weights.size()) {
      EXPECT_TRUE(first[i].equal(weights[i])) << i;
      continue;
    }
    const torch::Tensor& expected = gradients[i - weights.size()];
    if (!expected.defined()) {
      EXPECT_EQ(first[i].abs().max().item<float>(), 0);
      continue;
    }
    EXPECT_GT(expected.norm().item<float>(), 0);
    EXPECT_LT(((first[i] - expected).norm() / expected.norm()).item<float>(), 1e-5) << i;
  }
}

TEST_F(Processes, OneThatIsKilledIsTheOthersErrorAtOnce) {
  Start("killed", folder_ + "/meet");
  const int died = Wait(1);
  EXPECT_TRUE(WIFSIGNALED(died));
  const absl::Time begin = absl::Now();
  Wait(0);
  EXPECT_LT(absl::Now() - begin, absl::Seconds(10));
  EXPECT_THAT(Said(0), HasSubstr("UNAVAILABLE: rank 0 of 2: averaging gradients failed"));
}

TEST_F(Processes, OneThatHangsIsTheOthersErrorAfterTheTimeout) {
  Start("hangs", folder_ + "/meet");
  Wait(0);
  EXPECT_THAT(Said(0), HasSubstr("UNAVAILABLE: rank 0 of 2: averaging gradients failed"));
  EXPECT_THAT(Said(0), HasSubstr("hangs for more than 2s"));
}

TEST(ProcessGroup, ThatNeverFillsIsAnErrorInTime) {
  const std::string folder = *MakeTemporaryFolder("group");
  for (const std::string& rendezvous : {folder + "/meet", absl::StrCat("127.0.0.1:", FreePort())}) {
    const auto group = ProcessGroup::Join({.rank = 0,
                                           .world_size = 2,
                                           .rendezvous = rendezvous,
                                           .join_timeout = absl::Seconds(1),
                                           .timeout = absl::Seconds(1)});
    EXPECT_EQ(group.status().code(), absl::StatusCode::kDeadlineExceeded) << group.status();
    EXPECT_THAT(std::string(group.status().message()), HasSubstr("rank 0 of 2 cannot join at " + rendezvous));
  }
  std::filesystem::remove_all(folder);
}

TEST(ProcessGroup, OfOneNeedsNobody) {
  const std::string folder = *MakeTemporaryFolder("group");
  const auto group = ProcessGroup::Join({.rank = 0,
                                         .world_size = 1,
                                         .rendezvous = folder + "/meet",
                                         .join_timeout = absl::Seconds(5),
                                         .timeout = absl::Seconds(5)});
  ASSERT_TRUE(group.ok()) << group.status();
  std::vector<float> values = {3};
  EXPECT_TRUE((*group)->AllReduceMean(absl::MakeSpan(values)).ok());
  EXPECT_EQ(values[0], 3);
  std::filesystem::remove_all(folder);
}

TEST(ProcessGroup, BadOptionsAreRefusedByName) {
  const auto refused = [](int rank, int world_size, const std::string& rendezvous) {
    const auto group = ProcessGroup::Join({.rank = rank,
                                           .world_size = world_size,
                                           .rendezvous = rendezvous,
                                           .join_timeout = absl::Seconds(1),
                                           .timeout = absl::Seconds(1)});
    EXPECT_EQ(group.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(group.status().message());
  };
  EXPECT_THAT(refused(2, 2, "/meet"), HasSubstr("rank: 2 is not 0 to 1"));
  EXPECT_THAT(refused(0, 0, "/meet"), HasSubstr("world_size"));
  for (const char* rendezvous : {"", "host", "host:", ":1", "host:70000", "host:x"}) {
    EXPECT_THAT(refused(0, 2, rendezvous), HasSubstr("rendezvous: expected HOST:PORT"));
  }
}

TEST(ProcessGroup, TakesItsPlaceFromTheEnvironmentOfACluster) {
  setenv("RANK", "1", 1);
  setenv("WORLD_SIZE", "4", 1);
  setenv("MASTER_ADDR", "fd00::1", 1);
  setenv("MASTER_PORT", "29500", 1);
  const auto options = ProcessGroupFromEnvironment();
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->rank, 1);
  EXPECT_EQ(options->world_size, 4);
  EXPECT_EQ(options->rendezvous, "[fd00::1]:29500");
  setenv("RANK", "4", 1);
  EXPECT_EQ(ProcessGroupFromEnvironment().status().code(), absl::StatusCode::kInvalidArgument);
  unsetenv("RANK");
  EXPECT_THAT(std::string(ProcessGroupFromEnvironment().status().message()), HasSubstr("RANK is not set"));
}

TEST(BatchShard, TogetherHaveEachRowOnce) {
  const Batch whole = JoinedBatch();
  std::int64_t clean = 0;
  for (int rank = 0; rank < 4; ++rank) {
    const auto shard = ShardOf(whole, rank, 4);
    ASSERT_TRUE(shard.ok()) << shard.status();
    EXPECT_EQ(shard->step, whole.step);
    EXPECT_EQ(shard->side, whole.side);
    EXPECT_GE(shard->clean, 1);
    clean += shard->clean;
    const auto row = [](const auto& rows, std::size_t images, std::size_t i) {
      const std::size_t size = rows.size() / images;
      return std::vector(rows.begin() + static_cast<std::ptrdiff_t>(i * size),
                         rows.begin() + static_cast<std::ptrdiff_t>((i + 1) * size));
    };
    for (std::size_t i = 0; i < 2; ++i) {
      const std::size_t of_whole = i * 4 + static_cast<std::size_t>(rank);
      EXPECT_EQ(row(shard->images, 2, i), row(whole.images, 8, of_whole));
      EXPECT_EQ(row(shard->texts, 2, i), row(whole.texts, 8, of_whole));
      EXPECT_EQ(row(shard->labels, 2, i), row(whole.labels, 8, of_whole));
      EXPECT_EQ(row(shard->honest, 2, i), row(whole.honest, 8, of_whole));
      EXPECT_EQ(row(shard->overlay_cells, 2, i), row(whole.overlay_cells, 8, of_whole));
      // What is clean in the whole is clean in the share.
      EXPECT_EQ(static_cast<std::int64_t>(i) < shard->clean, static_cast<std::int64_t>(of_whole) < whole.clean);
    }
  }
  EXPECT_EQ(clean, whole.clean);
}

TEST(BatchShard, OfABatchThatDoesNotDivideIsRefused) {
  const auto shard = ShardOf(JoinedBatch(), 0, 3);
  EXPECT_EQ(shard.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(shard.status().message()), HasSubstr("a batch of 8 images cannot be shared by 3"));
  EXPECT_EQ(ShardOf(JoinedBatch(), 4, 4).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  if (argc == 5) return mannequin::RunRank(argv[1], std::atoi(argv[2]), argv[3], argv[4]);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
