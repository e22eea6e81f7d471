// The command line's shared parts. Each command_*.cc adds its commands to the app and
// says in `Invocation::run` what to do; main.cc parses, runs and turns the status into
// the exit status (0 done, 1 failed, 2 usage).
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "common/rpc/channel.h"
#include "common/store/product_store.h"
#include "google/protobuf/message.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "mannequin/config/v1/config.pb.h"
#include "mannequin/v1/gan_trainer.pb.h"
#include "nlohmann/json.hpp"
#include "services/mannequin/server_addresses.h"

namespace mannequin {

class Suite;

struct Invocation {
  Invocation();
  ~Invocation();

  std::string server = "127.0.0.1:8600";  // server_addresses.h
  // How it is reached. Both are checked by CheckConnection.
  config::v1::ClientConfig client;
  std::string output = "text";
  // What the chosen command does.
  std::function<absl::Status()> run;

  // Without a server: ServeLocally comes first.
  bool local = false;

  bool json() const { return output == "json"; }
  // A suite in this process, with the bundle that comes with this program and an empty store
  // that goes when the process ends; it becomes `server`. The suite's errors.
  absl::Status ServeLocally();
  // INVALID_ARGUMENT and errors of the files when `server` or `client` cannot be; also for a token that would go
  // to a server in plain text over the network.
  absl::Status CheckConnection();
  // Of the server that has this contract: Stub<v1::AbuseScorer>(). Over one channel for all calls of an address.
  template <typename Contract>
  std::unique_ptr<typename Contract::Stub> Stub() {
    return Contract::NewStub(Channel(Contract::service_full_name()));
  }
  ProductStore& Store();

 private:
  const std::shared_ptr<grpc::Channel>& Channel(absl::string_view contract);

  std::string folder_;  // of `suite_`
  std::unique_ptr<Suite> suite_;
  ServerAddresses addresses_;
  std::map<std::string, std::shared_ptr<grpc::Channel>> channels_;  // by address
  std::unique_ptr<ProductStore> store_;
};

// The whole command line: its name, help, options and every command below. `invocation` outlives the parse and the
// run, and `app` does too.
void AddCommands(CLI::App& app, Invocation& invocation);

// What was wrong with the command line, the command that comes nearest to one that is not there, and whose help to
// read.
std::string UsageMessage(const CLI::App& app, const CLI::ParseError& error);

// Each adds commands under `app`.
void AddServeCommands(CLI::App& app, Invocation& invocation);       // up
void AddConnectionOptions(CLI::App& app, Invocation& invocation);   // --tls-ca and the like
void AddTokenCommand(CLI::App& app, Invocation& invocation);        // token new
void AddDemoCommand(CLI::App& app, Invocation& invocation);         // demo
void AddIngestCommand(CLI::App& app, Invocation& invocation);       // ingest
void AddCrawlCommand(CLI::App& app, Invocation& invocation);        // crawl [list|watch|report|pause|resume|cancel]
void AddExportCommand(CLI::App& app, Invocation& invocation);       // export
void AddOperationsCommands(CLI::App& app, Invocation& invocation);  // stats, backup, restore
void AddMigrateCommand(CLI::App& app, Invocation& invocation);
void AddDoctorCommand(CLI::App& app, Invocation& invocation);        // doctor
void AddShellCommands(CLI::App& app, Invocation& invocation);        // completion, man
void AddEmbedCommands(CLI::App& app, Invocation& invocation);        // embed catalog|vector|similar, and:
void AddEmbedTrainCommand(CLI::App& embed, Invocation& invocation);  // embed train
void AddEmbedMapCommand(CLI::App& embed, Invocation& invocation);    // embed map
void AddTrainCommands(CLI::App& app, Invocation& invocation);        // train start|watch|list|cancel|resume, and:
void AddTrainGraphCommand(CLI::App& train, Invocation& invocation);  // train graph
void AddTrainEvalCommand(CLI::App& train, Invocation& invocation);   // train eval
void AddModelCommands(CLI::App& app, Invocation& invocation);        // models list|show|promote|rollback
void AddGenerateCommands(CLI::App& app, Invocation& invocation);     // generate
void AddPlaceholderCommands(CLI::App& app, Invocation& invocation);  // placeholders ...
void AddScoreCommands(CLI::App& app, Invocation& invocation);        // score [--replay|queue|review|reviews], and:
void AddScoreEvalCommand(CLI::App& score, Invocation& invocation);   // score eval
void AddPoliciesCommand(CLI::App& score, Invocation& invocation);    // score policies

// The server's error, made clearer when nobody answers.
absl::Status Explain(const grpc::Status& status, const std::string& server);

// One unary call with a deadline of two minutes.
//
//   RETURN_IF_ERROR(Call(invocation, *stub, &Stub::GetTraining, request, &response));
template <typename Stub, typename Interface, typename Request, typename Response>
absl::Status Call(Invocation& invocation, Stub& stub,
                  grpc::Status (Interface::*method)(grpc::ClientContext*, const Request&, Response*),
                  const Request& request, Response* response) {
  grpc::ClientContext context;
  rpc::SetDeadline(context, absl::Minutes(2));
  return Explain((stub.*method)(&context, request, response), invocation.server);
}

// Where `up --data DIR` keeps its store.
std::string StoreFolder(const std::string& data);

// Shows the job until it ends; Ctrl-C ends it. With --output json, prints it then.
absl::Status FollowJob(Invocation& invocation, const v1::Job& job);

// A message as one line of JSON with the proto's field names.
std::string JsonText(const google::protobuf::Message& message);
// The same as a value, to be put into a bigger document.
nlohmann::json JsonValue(const google::protobuf::Message& message);
// Prints one JSON document on standard output.
void PrintJson(const nlohmann::json& value);

// For options whose text goes into a message: gRPC refuses what is not UTF-8 without a word
// of where it stands.
CLI::Validator Utf8();

// Options that describe a product: --title, --category "A > B > C", --brand, --color and
// --attribute NAME=VALUE.
struct ProductOptions {
  std::string id;
  std::string title;
  std::string category;
  std::string brand;
  std::string color;
  std::vector<std::string> attributes;
};
void AddProductOptions(CLI::App& command, ProductOptions& options);
absl::StatusOr<v1::Product> ProductOf(const ProductOptions& options);

// --category, --brand and --attribute NAME=VALUE, each repeatable, into the filter of a request
// that lives as long as `filter`.
void AddTrainingFilterOptions(CLI::App& command, const std::function<v1::TrainingFilter*()>& filter);
// --local: without a server, see Invocation::ServeLocally.
void AddLocalOption(CLI::App& command, Invocation& invocation);

}  // namespace mannequin
