// kill -9 under load: what was acknowledged is there, and all that is there fits together.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>
#include <thread>

#include "services/store/rocks/backup.h"
#include "tests/unit/store/load.h"

namespace mannequin {
namespace {

constexpr unsigned kSeed = 20240612;

std::unique_ptr<RocksStore> Open(const std::string& data) {
  return Must(RocksStore::Open(ConfigOf(data), Clock::Real()));
}

// --- The child: writes with every writer, and backs up when asked, prints a line for
// each write once it was acknowledged, until it is killed.

absl::Status Print(const std::string& line) {
  const std::string text = line + "\n";
  if (write(STDOUT_FILENO, text.data(), text.size()) != static_cast<ssize_t>(text.size())) _exit(3);
  return absl::OkStatus();
}

int WriteUntilKilled(const std::string& data, const std::string& round, const std::string& backups) {
  const std::unique_ptr<RocksStore> store = Open(data);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < std::size(kWriters); ++i) {
    threads.emplace_back([&, i] {
      const absl::Status status = kWriters[i](*store, absl::StrCat(round, "-", i), Print);
      fprintf(stderr, "writer %zu: %s\n", i, std::string(status.message()).c_str());
      _exit(2);
    });
  }
  while (!backups.empty()) {
    v1::CreateBackupRequest request;
    request.set_folder(backups);
    request.set_keep(3);
    const auto made = store->CreateBackup(request, nullptr);
    if (!made.ok()) {
      fprintf(stderr, "backup: %s\n", std::string(made.status().message()).c_str());
      _exit(4);
    }
    (void)Print(absl::StrCat("backup ", made->backup_id()));
  }
  for (std::thread& thread : threads) thread.join();
  return 0;
}

// Whole lines that begin with `prefix`.
std::size_t CountLines(const std::string& output, const std::string& prefix) {
  std::size_t count = 0;
  for (std::size_t begin = 0, end; (end = output.find('\n', begin)) != std::string::npos; begin = end + 1) {
    count += output.compare(begin, prefix.size(), prefix) == 0 ? 1 : 0;
  }
  return count;
}

// Runs the child, kills it with SIGKILL `after` its `lines`th line that begins with
// `prefix`, returns all whole lines that it had printed.
std::vector<std::string> RunAndKill(const std::string& data, const std::string& round, const std::string& backups,
                                    const std::string& prefix, std::size_t lines, absl::Duration after) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::string self = "/proc/self/exe", flag = "--write-until-killed", data_argument = data, round_argument = round,
              backups_argument = backups;
  char* arguments[] = {self.data(), flag.data(), data_argument.data(), round_argument.data(), backups_argument.data(),
                       nullptr};
  pid_t child = 0;
  const int spawned = posix_spawn(&child, "/proc/self/exe", &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  EXPECT_EQ(0, spawned);
  std::string output;
  char buffer[4096];
  absl::Time kill_at = absl::InfiniteFuture();
  bool killed = false;
  for (ssize_t size = 0; (size = read(ends[0], buffer, sizeof(buffer))) > 0;) {
    output.append(buffer, static_cast<std::size_t>(size));
    if (kill_at == absl::InfiniteFuture() && CountLines(output, prefix) >= lines) kill_at = absl::Now() + after;
    if (!killed && absl::Now() >= kill_at) killed = kill(child, SIGKILL) == 0;
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;
  std::vector<std::string> whole;
  for (std::size_t begin = 0, end; (end = output.find('\n', begin)) != std::string::npos; begin = end + 1) {
    whole.push_back(output.substr(begin, end - begin));
  }
  return whole;
}

TEST(Crash, WhatWasAcknowledgedIsThereAfterKillMinusNine) {
  const TemporaryFolder folder;
  const std::string data = folder.Sub("data");
  std::mt19937 random(kSeed);
  std::vector<std::string> acknowledged;
  for (int round = 0; round < 20; ++round) {
    const std::vector<std::string> lines =
        RunAndKill(data, absl::StrCat("r", round), "", "", 1 + random() % 40, absl::Milliseconds(random() % 60));
    acknowledged.insert(acknowledged.end(), lines.begin(), lines.end());
    const std::unique_ptr<RocksStore> store = Open(data);
    ExpectWhole(*store, lines, absl::StrCat("round ", round, ", seed ", kSeed));
  }
  ExpectWhole(*Open(data), acknowledged, "at the end");
  EXPECT_GT(acknowledged.size(), 400u);
  EXPECT_GT(LongStreams(acknowledged), 0);
}

TEST(Crash, ABackupThatWasKilledLeavesTheEarlierOnes) {
  const TemporaryFolder folder;
  const std::string backups = folder.Sub("backups");
  std::mt19937 random(kSeed);
  int made = 0;
  for (int round = 0; round < 6; ++round) {
    const std::string name = absl::StrCat("r", round);
    // Every other time in the one that follows a backup that was made.
    const bool second = round % 2 == 0;
    const std::vector<std::string> lines =
        RunAndKill(folder.Sub("data"), name, backups, second ? "backup " : "", second ? 1 : 30 + random() % 100,
                   absl::Milliseconds(random() % 100));
    std::int64_t last = 0;
    for (const std::string& line : lines) {
      if (line.compare(0, 7, "backup ") == 0) last = std::stoll(line.substr(7));
    }
    made += last > 0;
    if (made == 0) continue;
    const std::vector<BackupRecord> records = Must(ListBackups(backups));
    EXPECT_GE(records.back().id, last) << "an acknowledged backup is gone";
    ASSERT_EQ("OK", CodeOf(RestoreBackup(backups, folder.Sub(name))));
    ExpectWhole(*Open(folder.Sub(name)), {}, absl::StrCat("restored in round ", round));
  }
  EXPECT_GT(made, 0);
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  if (argc == 5 && std::string(argv[1]) == "--write-until-killed") {
    return mannequin::WriteUntilKilled(argv[2], argv[3], argv[4]);
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
