#include "common/rpc/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/base/watched_file.h"
#include "common/rpc/access_tokens.h"
#include "common/rpc/address.h"
#include "grpc/grpc_security_constants.h"
#include "grpcpp/security/tls_certificate_provider.h"
#include "grpcpp/security/tls_credentials_options.h"

namespace mannequin::rpc {
namespace {

using grpc::experimental::FileWatcherCertificateProvider;

constexpr unsigned kLookSeconds = 1;

using Bio = std::unique_ptr<BIO, decltype(&BIO_free_all)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using PrivateKey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Bio BioOf(const std::string& bytes) {
  return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())), BIO_free_all);
}

absl::StatusOr<Certificate> FirstCertificate(const std::string& file, const std::string& field) {
  ASSIGN_OR_RETURN(const std::string pem, ReadFile(file));
  Certificate certificate(PEM_read_bio_X509(BioOf(pem).get(), nullptr, nullptr, nullptr), X509_free);
  ERR_clear_error();
  if (certificate != nullptr) return certificate;
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", file, " holds no certificate in PEM"));
}

// Nobody is there to type a passphrase.
int NoPassphrase(char*, int, int, void*) { return -1; }

// Adds the client's token to each call.
class TokenPlugin : public grpc::MetadataCredentialsPlugin {
 public:
  explicit TokenPlugin(const std::string& file) : path_(file) {}

  bool IsBlocking() const override { return false; }

  grpc::Status GetMetadata(grpc::string_ref, grpc::string_ref, const grpc::AuthContext&,
                           std::multimap<std::string, std::string>* metadata) override {
    absl::MutexLock lock(&mutex_);
    if (file_ == nullptr) {
      auto file = WatchedFile::Open(path_, [this](absl::string_view bytes) -> absl::Status {
        ASSIGN_OR_RETURN(std::string token, ParseTokenFile(bytes, path_));
        authorization_ = absl::StrCat("Bearer ", token);
        return absl::OkStatus();
      });
      if (!file.ok()) return {grpc::StatusCode::UNAVAILABLE, absl::StrCat("token_file: ", file.status().message())};
      file_ = *std::move(file);
    }
    file_->Refresh();
    metadata->emplace("authorization", authorization_);
    return grpc::Status::OK;
  }

 private:
  const std::string path_;
  absl::Mutex mutex_;
  std::string authorization_;
  std::unique_ptr<WatchedFile> file_;
};

}  // namespace

absl::Status CheckKeyPair(const std::string& certificate_file, const std::string& certificate_field,
                          const std::string& key_file, const std::string& key_field) {
  ASSIGN_OR_RETURN(const Certificate certificate, FirstCertificate(certificate_file, certificate_field));
  ASSIGN_OR_RETURN(const std::string pem, ReadFile(key_file));
  const PrivateKey key(PEM_read_bio_PrivateKey(BioOf(pem).get(), nullptr, NoPassphrase, nullptr), EVP_PKEY_free);
  const bool match = key != nullptr && X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (key == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(key_field, ": ", key_file, " holds no private key in PEM without a passphrase"));
  }
  if (!match) {
    return absl::InvalidArgumentError(
        absl::StrCat(key_field, ": the key in ", key_file, " is not that of the certificate in ", certificate_file));
  }
  return absl::OkStatus();
}

absl::Status CheckAuthorities(const std::string& file, const std::string& field) {
  return FirstCertificate(file, field).status();
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ServerCredentialsOf(const config::v1::ServerConfig& config) {
  const std::string& certificate = config.tls_certificate_file();
  const std::string& authorities = config.tls_client_ca_file();
  if (certificate.empty() != config.tls_key_file().empty()) {
    return absl::InvalidArgumentError("tls_certificate_file and tls_key_file: set both or none");
  }
  if (authorities.empty() && config.has_access() && !config.access().service_names().empty()) {
    return absl::InvalidArgumentError("access.service_names: needs tls_client_ca_file, which vouches for certificates");
  }
  if (certificate.empty()) {
    if (!authorities.empty()) {
      return absl::InvalidArgumentError("tls_client_ca_file: needs tls_certificate_file and tls_key_file");
    }
    if (!config.has_access()) return grpc::InsecureServerCredentials();
    ASSIGN_OR_RETURN(const HostPort where, ParseAddress(config.listen(), "listen"));
    if (!IsLoopback(where)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "access: tokens would cross the network in plain text; set tls_certificate_file and tls_key_file, "
          "or listen on 127.0.0.1 instead of ",
          where.host));
    }
    return grpc::experimental::LocalServerCredentials(LOCAL_TCP);
  }
  RETURN_IF_ERROR(CheckKeyPair(certificate, "tls_certificate_file", config.tls_key_file(), "tls_key_file"));
  if (!authorities.empty()) RETURN_IF_ERROR(CheckAuthorities(authorities, "tls_client_ca_file"));
  grpc::experimental::TlsServerCredentialsOptions options(
      std::make_shared<FileWatcherCertificateProvider>(config.tls_key_file(), certificate, authorities, kLookSeconds));
  options.watch_identity_key_cert_pairs();
  if (!authorities.empty()) {
    options.watch_root_certs();
    // With access control a token will do instead; a certificate that is shown is verified all the same.
    options.set_cert_request_type(config.has_access() ? GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY
                                                      : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return grpc::experimental::TlsServerCredentials(options);
}

absl::Status CheckClient(const config::v1::ClientConfig& config) {
  if (config.tls_certificate_file().empty() != config.tls_key_file().empty()) {
    return absl::InvalidArgumentError("tls_certificate_file and tls_key_file: set both or none");
  }
  if (!config.tls_certificate_file().empty()) {
    if (config.tls_ca_file().empty()) {
      return absl::InvalidArgumentError("tls_certificate_file: needs tls_ca_file, the authorities of the servers");
    }
    RETURN_IF_ERROR(
        CheckKeyPair(config.tls_certificate_file(), "tls_certificate_file", config.tls_key_file(), "tls_key_file"));
  }
  if (!config.tls_ca_file().empty()) RETURN_IF_ERROR(CheckAuthorities(config.tls_ca_file(), "tls_ca_file"));
  if (!config.token_file().empty()) {
    ASSIGN_OR_RETURN(const std::string bytes, ReadFile(config.token_file()));
    RETURN_IF_ERROR(ParseTokenFile(bytes, absl::StrCat("token_file: ", config.token_file())).status());
  }
  return absl::OkStatus();
}

std::shared_ptr<grpc::ChannelCredentials> ClientCredentialsOf(const config::v1::ClientConfig& config) {
  const bool has_pair = !config.tls_certificate_file().empty() && !config.tls_key_file().empty();
  const bool is_tls = !config.tls_ca_file().empty() || has_pair;
  const bool has_token = !config.token_file().empty();
  if (!is_tls && !has_token) return grpc::InsecureChannelCredentials();
  std::shared_ptr<grpc::ChannelCredentials> channel;
  if (is_tls) {
    grpc::experimental::TlsChannelCredentialsOptions options;
    options.set_certificate_provider(std::make_shared<FileWatcherCertificateProvider>(
        has_pair ? config.tls_key_file() : "", has_pair ? config.tls_certificate_file() : "", config.tls_ca_file(),
        kLookSeconds));
    if (!config.tls_ca_file().empty()) options.watch_root_certs();
    if (has_pair) options.watch_identity_key_cert_pairs();
    channel = grpc::experimental::TlsCredentials(options);
  } else {
    channel = grpc::experimental::LocalCredentials(LOCAL_TCP);
  }
  if (!has_token) return channel;
  // gRPC knows no safety of a loopback; LocalCredentials sees to it that it is one.
  return grpc::CompositeChannelCredentials(channel, grpc::experimental::MetadataCredentialsFromPlugin(
                                                        std::make_unique<TokenPlugin>(config.token_file()),
                                                        is_tls ? GRPC_PRIVACY_AND_INTEGRITY : GRPC_SECURITY_NONE));
}

}  // namespace mannequin::rpc
