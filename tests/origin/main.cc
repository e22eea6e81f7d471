// Serves a folder's pictures to a crawl until SIGTERM or SIGINT; see crawl_origin.h.
//
//   crawl_origin FOLDER --latency 100ms
//   crawl_origin FOLDER --fail 0.3 --seed 7 --log targets.tsv
//   crawl_origin FOLDER --hosts 201 --slow-hosts 200
//
// Prints one JSON line when it listens ({"port": ...}) and one at its end, what it was
// asked for and did. --log writes a line a target: requests, faults, target.
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "tests/origin/crawl_origin.h"

namespace mannequin {
namespace {

struct Flags {
  std::string folder;
  std::string log;
  std::string latency;
  std::string kinds;
  std::string robots;
  CrawlOriginOptions options;
};

std::string CountsJson(const OriginCounts& counts, const std::map<std::string, TargetCounts>& targets) {
  std::int64_t most = 0;
  std::string most_target;
  for (const auto& [target, of] : targets) {
    if (of.requests > most) {
      most = of.requests;
      most_target = target;
    }
  }
  std::vector<std::string> faults;
  for (int i = 1; i < kFaults; ++i) {
    faults.push_back(absl::StrCat("\"", FaultName(static_cast<Fault>(i)), "\": ", counts.faults[i]));
  }
  const auto status = [](std::string* out, const auto& entry) {
    absl::StrAppend(out, "\"", entry.first, "\": ", entry.second);
  };
  return absl::StrCat("{\"requests\": ", counts.requests, ", \"targets\": ", targets.size(),
                      ", \"most_for_one_target\": ", most, ", \"robots\": ", counts.robots, ", \"statuses\": {",
                      absl::StrJoin(counts.statuses, ", ", status), "}, \"faults\": ", counts.AllFaults(),
                      ", \"faults_by_kind\": {", absl::StrJoin(faults, ", "),
                      "}, \"resets_of_used\": ", counts.resets_of_used, ", \"bytes\": ", counts.bytes,
                      ", \"connections\": ", counts.connections, ", \"most_connections\": ", counts.most_connections,
                      ", \"most_requests\": ", counts.most_requests, "}\n");
}

absl::Status WriteLog(const std::string& path, const std::map<std::string, TargetCounts>& targets) {
  std::string lines;
  for (const auto& [target, of] : targets) absl::StrAppend(&lines, of.requests, "\t", of.faults, "\t", target, "\n");
  return WriteFileAtomically(path, lines);
}

absl::Status Complete(Flags& flags) {
  if (!absl::ParseDuration(flags.latency, &flags.options.latency)) {
    return absl::InvalidArgumentError(absl::StrCat("--latency ", flags.latency, ": expected e.g. 100ms or 2s"));
  }
  if (!flags.kinds.empty()) {
    flags.options.faults.kinds.clear();
    for (const absl::string_view name : absl::StrSplit(flags.kinds, ',')) {
      ASSIGN_OR_RETURN(const Fault fault, FaultOf(name));
      flags.options.faults.kinds.push_back(fault);
    }
  }
  if (!flags.robots.empty()) {
    ASSIGN_OR_RETURN(flags.options.robots, ReadFile(flags.robots));
  }
  return absl::OkStatus();
}

absl::Status Serve(Flags flags) {
  // Before the threads are, so that none takes them.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  RETURN_IF_ERROR(Complete(flags));
  ASSIGN_OR_RETURN(const auto origin, CrawlOrigin::Start(flags.folder, flags.options));
  std::printf("{\"port\": %d}\n", origin->port());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&ends, &signal);
  const std::map<std::string, TargetCounts> targets = origin->Targets();
  std::fputs(CountsJson(origin->Counts(), targets).c_str(), stdout);
  return flags.log.empty() ? absl::OkStatus() : WriteLog(flags.log, targets);
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  mannequin::Flags flags;
  mannequin::CrawlOriginOptions& options = flags.options;
  bool all_slow = false;
  CLI::App app("serves a folder's pictures to a crawl, well or badly");
  app.add_option("folder", flags.folder, "of pictures")->required();
  app.add_option("--port", options.port, "(0: a free one)");
  app.add_option("--hosts", options.hosts, "on 127.0.0.1, 127.0.0.2, ... (1)");
  app.add_option("--slow-hosts", options.slow_hosts, "the last N of them send a byte a second (0)");
  app.add_flag("--slow-loris", all_slow, "all of them do");
  app.add_option("--threads", options.threads, "(1)");
  flags.latency = "0";
  app.add_option("--latency", flags.latency, "of each answer, e.g. 100ms (0)");
  app.add_option("--fail", options.faults.share, "share of the requests that fail (0)");
  app.add_option("--seed", options.faults.seed, "of what fails (1)");
  app.add_option("--kinds", flags.kinds, "of faults, of 500,503,reset,cut,lie,stall (all)");
  app.add_option("--retry-after", options.retry_after_s, "seconds that a 503 asks for; 0: none (1)");
  app.add_option("--missing", options.faults.missing, "share of the targets that are not there (0)");
  app.add_option("--redirect", options.faults.redirected, "share of the targets that are redirected (0)");
  app.add_flag("--etag", options.etag, "ETag and 304");
  app.add_option("--robots", flags.robots, "file served as robots.txt (allows all)");
  app.add_option("--log", flags.log, "file for requests and faults by target, written at the end");
  CLI11_PARSE(app, argc, argv);
  if (all_slow) options.slow_hosts = options.hosts;
  const absl::Status status = mannequin::Serve(flags);
  if (status.ok()) return 0;
  std::fprintf(stderr, "crawl_origin: %s\n", status.ToString().c_str());
  return 1;
}
