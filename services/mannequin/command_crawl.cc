// crawl, crawl list | watch | report | pause | resume | cancel
#include <cstdio>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "common/base/status_macros.h"
#include "common/store/job_state.h"
#include "google/protobuf/util/time_util.h"
#include "mannequin/v1/image_fetcher.grpc.pb.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/job_view.h"

namespace mannequin {
namespace {

using Stub = v1::ImageFetcher::Stub;

v1::FetchFailure FailureOf(const std::string& name) {
  for (int i = v1::FetchFailure_MIN; i <= v1::FetchFailure_MAX; ++i) {
    const auto failure = static_cast<v1::FetchFailure>(i);
    if (v1::FetchFailure_IsValid(i) && ShortName(failure) == name) return failure;
  }
  return v1::FETCH_FAILURE_UNSPECIFIED;
}

std::set<std::string> FailureNames() {
  std::set<std::string> names;
  for (int i = v1::FetchFailure_MIN + 1; i <= v1::FetchFailure_MAX; ++i) {
    names.insert(ShortName(static_cast<v1::FetchFailure>(i)));
  }
  return names;
}

// "90m", "12h", "30d", "0". The server knows the bounds.
absl::StatusOr<absl::Duration> AgeOf(const std::string& text) {
  absl::Duration age;
  int days = 0;
  if (absl::EndsWith(text, "d") && absl::SimpleAtoi(text.substr(0, text.size() - 1), &days) && days >= 0) {
    return absl::Hours(24) * days;
  }
  const bool is_age = absl::ParseDuration(text, &age) && age < absl::Hours(24 * 366 * 200);
  if (is_age && (age == absl::ZeroDuration() || age >= absl::Seconds(1))) return age;
  return absl::InvalidArgumentError(
      absl::StrCat("--refresh: \"", text, "\" is no age; give one such as 30d, 12h or 0"));
}

nlohmann::json CountsJson(const google::protobuf::RepeatedPtrField<v1::FetchFailureCrawlCount>& counts) {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& count : counts) json[ShortName(count.failure())] = count.products();
  return json;
}

nlohmann::json ReportJson(const v1::Job& job) {
  const auto done = ProgressOf<v1::CrawlProgress>(job);
  nlohmann::json hosts = nlohmann::json::array();
  for (const auto& host : done.troubled_hosts()) hosts.push_back(JsonValue(host));
  nlohmann::json pictures = nlohmann::json::array();
  for (const auto& picture : done.repeated_pictures()) pictures.push_back(JsonValue(picture));
  return {{"job", job.id()},
          {"state", ShortName(job.state())},
          {"stored", done.stored()},
          {"not_modified", done.not_modified()},
          {"failed", CountsJson(done.failed())},
          {"failed_attempts", CountsJson(done.failed_attempts())},
          {"retried", done.retried()},
          {"pending", done.pending()},
          {"received_bytes", done.received_bytes()},
          {"seconds", done.seconds()},
          {"images_per_second", done.images_per_second()},
          {"success_share", done.success_share()},
          {"troubled_host_count", done.troubled_host_count()},
          {"troubled_hosts", hosts},
          {"repeated_pictures", pictures},
          {"warning", done.warning()}};
}

void PrintReport(const v1::Job& job) {
  const auto done = ProgressOf<v1::CrawlProgress>(job);
  std::vector<std::vector<std::string>> rows = {{"stored", WithCommas(done.stored()), ""}};
  if (done.not_modified() > 0) rows.push_back({"unchanged", WithCommas(done.not_modified()), ""});
  for (const auto& count : done.failed()) {
    const bool missing = count.failure() == v1::FETCH_FAILURE_NOT_AVAILABLE;
    rows.push_back({missing ? "missing" : "failed", WithCommas(count.products()), ShortName(count.failure())});
  }
  for (const auto& count : done.failed_attempts()) {
    rows.push_back({"tried again", WithCommas(count.products()), ShortName(count.failure())});
  }
  if (done.pending() > 0) rows.push_back({"pending", WithCommas(done.pending()), ""});
  std::fputs(FormatTable({"outcome", "pictures", "reason"}, rows, {false, true, false}).c_str(), stdout);
  if (done.troubled_host_count() > 0) {
    std::printf("\nhosts left alone: %s\n", WithCommas(done.troubled_host_count()).c_str());
    rows.clear();
    for (const auto& host : done.troubled_hosts()) {
      rows.push_back({host.origin(), WithCommas(host.products()),
                      host.given_up() ? "given up" : HumanSeconds(host.seconds_left()), host.reason()});
    }
    std::fputs(FormatTable({"host", "pictures", "for", "reason"}, rows, {false, true, false, false}).c_str(), stdout);
  }
  for (const auto& picture : done.repeated_pictures()) {
    std::printf(
        "\nthe same picture %s times: %s\n  SHA-256 %s\n  if it says that there is none, put that into the "
        "fetcher's not_available_sha256\n",
        WithCommas(picture.fetches()).c_str(), picture.example_url().c_str(), picture.sha256().c_str());
  }
  if (!done.warning().empty()) std::fprintf(stderr, "\nWARNING: %s\n", done.warning().c_str());
}

absl::Status Report(Invocation& invocation, const v1::Job& job) {
  if (invocation.json()) {
    PrintJson(ReportJson(job));
  } else {
    PrintReport(job);
  }
  return absl::OkStatus();
}

absl::Status Follow(Invocation& invocation, const std::string& id, bool cancel_on_interrupt) {
  ProgressLine progress(invocation.json());
  ASSIGN_OR_RETURN(const v1::Job job, WaitForJob(invocation.Store(), id, progress, cancel_on_interrupt));
  return Report(invocation, job);
}

absl::Status Start(Invocation& invocation, v1::StartCrawlRequest request, const std::string& refresh, bool detach) {
  if (!refresh.empty()) {
    ASSIGN_OR_RETURN(const absl::Duration age, AgeOf(refresh));
    *request.mutable_refresh_older_than() =
        google::protobuf::util::TimeUtil::SecondsToDuration(absl::ToInt64Seconds(age));
  }
  const auto stub = invocation.Stub<v1::ImageFetcher>();
  v1::StartCrawlResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &Stub::StartCrawl, request, &response));
  for (const v1::Job& job : response.jobs()) {
    if (detach) {
      std::puts(invocation.json() ? JsonText(job).c_str() : job.id().c_str());
    } else {
      RETURN_IF_ERROR(Follow(invocation, job.id(), true));
    }
  }
  return absl::OkStatus();
}

// The crawl with that id; without one the newest: that has not ended if `open`, and of a
// state if one is given.
absl::StatusOr<v1::Job> FindCrawl(Invocation& invocation, const std::string& id, bool open,
                                  v1::JobState state = v1::JOB_STATE_UNSPECIFIED) {
  if (!id.empty()) {
    const auto stub = invocation.Stub<v1::ImageFetcher>();
    v1::GetCrawlRequest request;
    request.set_job_id(id);
    v1::GetCrawlResponse found;
    RETURN_IF_ERROR(Call(invocation, *stub, &Stub::GetCrawl, request, &found));
    return found.job();
  }
  v1::ListJobsRequest request;
  request.set_kind(v1::JOB_KIND_CRAWL);
  request.set_state(state);
  ASSIGN_OR_RETURN(const v1::ListJobsResponse jobs, invocation.Store().ListJobs(request));
  for (const v1::Job& job : jobs.jobs()) {
    if (!open || !HasEnded(job.state())) return job;
  }
  return absl::NotFoundError(open ? "no crawl is under way; `mannequin crawl list` shows those that were"
                                  : "there was no crawl yet; `mannequin crawl` begins one");
}

absl::Status List(Invocation& invocation) {
  v1::ListJobsRequest request;
  request.set_kind(v1::JOB_KIND_CRAWL);
  std::vector<std::vector<std::string>> rows;
  do {
    ASSIGN_OR_RETURN(const v1::ListJobsResponse jobs, invocation.Store().ListJobs(request));
    for (const v1::Job& job : jobs.jobs()) {
      if (invocation.json()) PrintJson(ReportJson(job));
      const auto done = ProgressOf<v1::CrawlProgress>(job);
      std::int64_t failed = 0;
      for (const auto& count : done.failed()) failed += count.products();
      rows.push_back(
          {job.id(), ShortName(job.state()),
           absl::FormatTime("%Y-%m-%d %H:%M", absl::FromUnixSeconds(job.created_at().seconds()), absl::LocalTimeZone()),
           WithCommas(done.stored()), WithCommas(done.not_modified()), WithCommas(failed),
           absl::StrFormat("%.0f %%", 100 * done.success_share()), job.error()});
    }
    request.set_page_token(jobs.next_page_token());
  } while (!request.page_token().empty());
  if (!invocation.json()) {
    std::fputs(FormatTable({"job", "state", "created", "stored", "unchanged", "failed", "had", "error"}, rows,
                           {false, false, false, true, true, true, true})
                   .c_str(),
               stdout);
  }
  return absl::OkStatus();
}

// One of the calls that change a crawl's course.
template <typename Request, typename Response>
absl::Status Steer(Invocation& invocation, const std::string& id,
                   grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                   v1::JobState state = v1::JOB_STATE_UNSPECIFIED) {
  ASSIGN_OR_RETURN(const v1::Job job, FindCrawl(invocation, id, /*open=*/true, state));
  const auto stub = invocation.Stub<v1::ImageFetcher>();
  Request request;
  request.set_job_id(job.id());
  Response response;
  RETURN_IF_ERROR(Call(invocation, *stub, method, request, &response));
  if (invocation.json()) {
    std::puts(JsonText(response.job()).c_str());
    return absl::OkStatus();
  }
  const bool asked = response.job().pause_requested() || response.job().cancel_requested();
  std::printf("%s is %s%s\n", job.id().c_str(), ShortName(response.job().state()).c_str(),
              asked && response.job().state() == v1::JOB_STATE_RUNNING ? ", and ends within a second" : "");
  return absl::OkStatus();
}

}  // namespace

void AddCrawlCommand(CLI::App& app, Invocation& invocation) {
  const auto request = std::make_shared<v1::StartCrawlRequest>();
  const auto refresh = std::make_shared<std::string>();
  const auto detach = std::make_shared<bool>(false);
  const auto id = std::make_shared<std::string>();
  CLI::App* crawl = app.add_subcommand("crawl",
                                       "fetch the images that are missing; Ctrl-C ends it, the next crawl goes on\n"
                                       "  mannequin crawl --connections 400\n"
                                       "  mannequin crawl --refresh 30d --retry-failed timeout");
  crawl->require_subcommand(0, 1);
  crawl->add_option_function<int>(
      "--connections", [request](int n) { request->set_connections(n); }, "at once, 1 to 10,000 (200)");
  crawl->add_option_function<int>(
      "--max-attempts", [request](int n) { request->set_max_attempts(n); }, "fetches of one picture, 1 to 20 (4)");
  crawl->add_option_function<int>(
      "--timeout", [request](int n) { request->mutable_timeout()->set_seconds(n); }, "of a fetch, seconds (30)");
  crawl->add_flag_function(
      "--header-only", [request](std::int64_t) { request->set_header_check_only(true); },
      "check a picture's header instead of decoding it");
  crawl
      ->add_option_function<std::string>(
          "--retry-failed", [request](const std::string& name) { request->set_retry_failed(FailureOf(name)); },
          "first take up those that failed for this reason")
      ->check(CLI::IsMember(FailureNames()));
  crawl->add_option("--refresh", *refresh,
                    "also ask for stored pictures of this age, e.g. 30d or 0, that have changed");
  crawl
      ->add_option_function<int>(
          "--fetchers", [request](int n) { request->set_parts(n); },
          "as many jobs, each of a share of the origins, for as many fetchers")
      ->check(CLI::Range(1, 64));
  crawl->add_flag("--detach", *detach, "print the job's id and leave");
  crawl->callback([&invocation, request, refresh, detach, crawl] {
    if (!crawl->get_subcommands().empty()) return;
    invocation.run = [&invocation, request, refresh, detach] { return Start(invocation, *request, *refresh, *detach); };
  });

  crawl->add_subcommand("list", "crawls, the newest first\n  mannequin crawl list")->callback([&invocation] {
    invocation.run = [&invocation] { return List(invocation); };
  });
  const auto add = [&](const char* name, const char* words, std::function<absl::Status()> run) {
    CLI::App* command = crawl->add_subcommand(name, absl::StrCat(words, "\n  mannequin crawl ", name));
    command->add_option("JOB", *id, "a crawl's id (the newest)");
    command->callback([&invocation, run = std::move(run)] { invocation.run = run; });
  };
  add("watch", "follow a crawl until it ends", [&invocation, id]() -> absl::Status {
    ASSIGN_OR_RETURN(const v1::Job job, FindCrawl(invocation, *id, /*open=*/true));
    return Follow(invocation, job.id(), false);
  });
  add("report", "what a crawl has reached, by reason", [&invocation, id]() -> absl::Status {
    ASSIGN_OR_RETURN(const v1::Job job, FindCrawl(invocation, *id, /*open=*/false));
    return Report(invocation, job);
  });
  add("pause", "give back what is in flight and wait", [&invocation, id] {
    return Steer<v1::PauseCrawlRequest, v1::PauseCrawlResponse>(invocation, *id, &Stub::PauseCrawl);
  });
  add("resume", "go on with a paused crawl", [&invocation, id] {
    return Steer<v1::ResumeCrawlRequest, v1::ResumeCrawlResponse>(invocation, *id, &Stub::ResumeCrawl,
                                                                  v1::JOB_STATE_PAUSED);
  });
  add("cancel", "end a crawl; what is stored stays", [&invocation, id] {
    return Steer<v1::CancelCrawlRequest, v1::CancelCrawlResponse>(invocation, *id, &Stub::CancelCrawl);
  });
}

}  // namespace mannequin
