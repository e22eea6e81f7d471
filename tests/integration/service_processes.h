// The services as an operator runs them: a process each, on loopback, over one store and one folder of bundles.
//
//   ServiceProcesses suite;
//   suite.Start("store");
//   suite.Start("fetcher", "contact: \"ops@shop.example\"");
//   suite.Start("scorer");
//   suite.Kill("store");
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/integration/process.h"

namespace mannequin {

class ServiceProcesses {
 public:
  // Nothing runs yet, and no bundle is promoted.
  ServiceProcesses();
  ~ServiceProcesses();

  // `name`: a service, with a suffix where there are several: "scorer-2". `more`: lines of its configuration beside
  // those that join the suite. Waits until it is ready. Again after Kill or Stop: on the same address and data.
  void Start(const std::string& name, const std::string& more = "");
  // As Start, but does not wait.
  void Launch(const std::string& name, const std::string& more = "");
  // SIGKILL, and SIGTERM; both wait for the process's end. Stop returns its exit status.
  void Kill(const std::string& name);
  int Stop(const std::string& name);
  bool IsReady(const std::string& name);
  // Until the process has answered a call of this method, "AbuseScorer/ScoreListing"; false when none comes in a
  // minute.
  bool AwaitAnswer(const std::string& name, const std::string& method);

  // Where `name` listens, whether it runs or not.
  const std::string& AddressOf(const std::string& name);
  // Where other services look for the store; by default its own address.
  void SetStoreAddress(const std::string& address) { store_address_ = address; }
  // Where the store's data is; by default in a temporary folder.
  void SetStoreData(const std::string& folder) { store_data_ = folder; }
  // "NAME=value", of services that are started from now on.
  void SetEnvironment(std::vector<std::string> variables) { environment_ = std::move(variables); }
  std::string bundles() const { return folder_ + "/bundles"; }
  // What it has logged since it was started last.
  std::string LogOf(const std::string& name) const;

 private:
  struct Service {
    std::string address, admin_address;
    std::unique_ptr<Process> process;
  };
  Service& Of(const std::string& name);

  const std::string folder_;
  std::string store_data_;
  std::string store_address_;
  std::vector<std::string> environment_;
  std::map<std::string, Service> services_;
};

}  // namespace mannequin
