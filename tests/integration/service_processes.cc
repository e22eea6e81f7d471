#include "tests/integration/service_processes.h"

#include <signal.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "gtest/gtest.h"
#include "httplib.h"

namespace mannequin {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);

std::string KindOf(const std::string& name) { return name.substr(0, name.find('-')); }

}  // namespace

ServiceProcesses::ServiceProcesses() : folder_(MakeTemporaryFolder("services").value()) {
  store_data_ = folder_ + "/store";
  store_address_ = AddressOf("store");
}

ServiceProcesses::~ServiceProcesses() {
  services_.clear();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

ServiceProcesses::Service& ServiceProcesses::Of(const std::string& name) {
  Service& service = services_[name];
  if (service.address.empty()) {
    service.address = absl::StrCat("127.0.0.1:", FreePort());
    service.admin_address = absl::StrCat("127.0.0.1:", FreePort());
  }
  return service;
}

const std::string& ServiceProcesses::AddressOf(const std::string& name) { return Of(name).address; }

void ServiceProcesses::Launch(const std::string& name, const std::string& more) {
  const std::string kind = KindOf(name);
  Service& service = Of(name);
  std::string config =
      absl::StrCat("server { listen: \"", service.address, "\" admin_listen: \"", service.admin_address, "\" }\n");
  if (kind == "store" && absl::StrContains(more, "postgres")) {
    // Its engines are elsewhere.
  } else if (kind == "store") {
    absl::StrAppend(&config, "data: \"", store_data_, "\"\n");
  } else {
    absl::StrAppend(&config, "store: \"", store_address_, "\"\n");
    if (kind != "fetcher") absl::StrAppend(&config, "bundles: \"", bundles(), "\"\n");
  }
  if (kind == "trainer") absl::StrAppend(&config, "work: \"", folder_, "/work\"\n");
  if (kind == "scorer") absl::StrAppend(&config, "embedder: \"", AddressOf("embedder"), "\"\n");
  absl::StrAppend(&config, more);
  const std::string work = absl::StrCat(folder_, "/process-", name);
  std::filesystem::create_directories(work);
  ASSERT_TRUE(WriteFileAtomically(work + "/config.textproto", config).ok());
  std::vector<std::string> command;
  if (!environment_.empty()) {
    command.push_back("/usr/bin/env");
    command.insert(command.end(), environment_.begin(), environment_.end());
  }
  for (const std::string& word : {Binary("mannequin-" + kind), std::string("--config"), work + "/config.textproto"}) {
    command.push_back(word);
  }
  service.process = std::make_unique<Process>(command, work);
}

void ServiceProcesses::Start(const std::string& name, const std::string& more) {
  Launch(name, more);
  const absl::Time end = absl::Now() + kPatience;
  while (!IsReady(name)) {
    ASSERT_LT(absl::Now(), end) << name << " did not become ready: " << LogOf(name);
    absl::SleepFor(absl::Milliseconds(20));
  }
}

bool ServiceProcesses::IsReady(const std::string& name) {
  httplib::Client client("http://" + Of(name).admin_address);
  client.set_connection_timeout(1);
  const httplib::Result answer = client.Get("/readyz");
  return answer && answer->status == 200;
}

bool ServiceProcesses::AwaitAnswer(const std::string& name, const std::string& method) {
  httplib::Client client("http://" + Of(name).admin_address);
  const std::string counted = absl::StrCat("method=\"/mannequin.v1.", method, "\"");
  for (const absl::Time end = absl::Now() + absl::Minutes(1); absl::Now() < end;
       absl::SleepFor(absl::Milliseconds(20))) {
    const httplib::Result answer = client.Get("/metrics");
    if (!answer) continue;
    for (const absl::string_view line : absl::StrSplit(answer->body, '\n')) {
      if (absl::StartsWith(line, "mannequin_rpc_server_handled_total{") && absl::StrContains(line, counted))
        return true;
    }
  }
  return false;
}

void ServiceProcesses::Kill(const std::string& name) {
  Process& process = *Of(name).process;
  process.Signal(SIGKILL);
  process.Wait();
}

int ServiceProcesses::Stop(const std::string& name) {
  Process& process = *Of(name).process;
  process.Signal(SIGTERM);
  return process.Wait();
}

std::string ServiceProcesses::LogOf(const std::string& name) const {
  const auto service = services_.find(name);
  return service == services_.end() || !service->second.process ? "" : service->second.process->errors();
}

}  // namespace mannequin
