// Credentials of servers and clients out of their configuration: plain text, TLS or mutual TLS,
// with certificates that are read anew when their files change.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"
#include "mannequin/config/v1/config.pb.h"

namespace mannequin::rpc {

// Of `listen`, `tls_*` and `access` of a server. Where access is controlled in plain text, only
// connections of this machine are taken. INVALID_ARGUMENT for halves, for access control in plain text
// on an address that is not loopback, and as CheckKeyPair and CheckAuthorities say.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ServerCredentialsOf(const config::v1::ServerConfig& config);

// INVALID_ARGUMENT, NOT_FOUND or PERMISSION_DENIED when `config` asks for what cannot be: halves, files that
// cannot be read, a token that is none. Call it first, so that it shows before the first call does.
absl::Status CheckClient(const config::v1::ClientConfig& config);
// Of a client whose CheckClient was OK; else calls fail with UNAVAILABLE until the files are as they must be. A token
// goes over TLS or, in plain text, only to this machine: other connections fail with UNAVAILABLE.
std::shared_ptr<grpc::ChannelCredentials> ClientCredentialsOf(const config::v1::ClientConfig& config);

// INVALID_ARGUMENT naming `certificate_field` or `key_field` when its file holds no certificate (chain) or
// private key in PEM, or when they do not belong together; the error of reading them.
absl::Status CheckKeyPair(const std::string& certificate_file, const std::string& certificate_field,
                          const std::string& key_file, const std::string& key_field);
// INVALID_ARGUMENT naming `field` when the file holds no certificate in PEM; the error of reading it.
absl::Status CheckAuthorities(const std::string& file, const std::string& field);

}  // namespace mannequin::rpc
