// --tls-ca, --tls-certificate, --tls-key and --token-file: how every command reaches its server.
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/address.h"
#include "common/rpc/tls.h"
#include "services/mannequin/command_line.h"

namespace mannequin {

void AddConnectionOptions(CLI::App& app, Invocation& invocation) {
  config::v1::ClientConfig& client = invocation.client;
  const auto add = [&app](const char* flag, const char* variable, std::string* field, const char* help) {
    app.add_option(flag, *field, help)->envname(variable)->type_name("FILE");
  };
  add("--tls-ca", "MANNEQUIN_TLS_CA", client.mutable_tls_ca_file(),
      "PEM of the authorities that vouch for the server: speaks TLS");
  add("--tls-certificate", "MANNEQUIN_TLS_CERTIFICATE", client.mutable_tls_certificate_file(),
      "PEM of this client's own certificate, where the server asks for one");
  add("--tls-key", "MANNEQUIN_TLS_KEY", client.mutable_tls_key_file(), "its private key");
  add("--token-file", "MANNEQUIN_TOKEN_FILE", client.mutable_token_file(),
      "file with the token that says who you are, as `mannequin token new` prints one");
}

absl::Status Invocation::CheckConnection() {
  ASSIGN_OR_RETURN(addresses_, ServerAddresses::Parse(server));
  RETURN_IF_ERROR(rpc::CheckClient(client));
  if (client.token_file().empty() || !client.tls_ca_file().empty()) return absl::OkStatus();
  for (const auto& [contract, address] : addresses_.all()) {
    ASSIGN_OR_RETURN(const rpc::HostPort where, rpc::ParseAddress(address, "--server"));
    if (rpc::IsLoopback(where)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--token-file: the token would go to ", where.host,
                     " in plain text; give --tls-ca FILE with the authorities of its certificate"));
  }
  return absl::OkStatus();
}

}  // namespace mannequin
