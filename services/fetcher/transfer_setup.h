// What an engine needs of the process and the system before it can start.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace mannequin {

// Of `wanted`, how many connections the limit on descriptors leaves; raises the soft limit
// towards the hard one. RESOURCE_EXHAUSTED: not one.
absl::StatusOr<int> ConnectionsThatFit(int wanted);

// A PEM file of the system's certificate authorities and those of `file`.
//
//   ASSIGN_OR_RETURN(Authorities authorities, Authorities::With("/etc/ours.pem"));
//   CURLOPT_CAINFO, authorities.path()
class Authorities {
 public:
  // `file` may be empty. NOT_FOUND: it cannot be read; INVALID_ARGUMENT: no certificate is
  // in it.
  static absl::StatusOr<Authorities> With(const std::string& file);

  Authorities() = default;
  Authorities(Authorities&& other) noexcept;
  Authorities& operator=(Authorities&& other) noexcept;
  ~Authorities();

  // Good while this lives.
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  // Of the joined file, which is in memory only; -1 when the system's is enough.
  int memory_ = -1;
};

}  // namespace mannequin
