// Certificates for a test, made by openssl's command in a folder of the test.
//
//   Certificates made(folder);
//   made.Authority("ca");                                 // ca.pem, ca.key
//   made.Issue("server", "ca", "IP:127.0.0.1");           // server.pem, server.key
#pragma once

#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace mannequin::rpc {

class Certificates {
 public:
  explicit Certificates(std::string folder) : folder_(std::move(folder)) {}

  void Authority(const std::string& name) const { Run(absl::StrCat("-subj '/CN=", name, "'"), name); }
  // Signed by `authority`; `names` as openssl writes subjectAltName.
  void Issue(const std::string& name, const std::string& authority, const std::string& names) const {
    Run(absl::StrCat("-subj '/CN=", name, "' -CA ", Pem(authority), " -CAkey ", Key(authority),
                     " -addext basicConstraints=critical,CA:FALSE -addext 'subjectAltName=", names, "'"),
        name);
  }
  // Puts one pair in another's place, as a rotation does.
  void Copy(const std::string& from, const std::string& to) const {
    ASSERT_EQ(std::system(absl::StrCat("cp ", Key(from), " ", Key(to), " && cp ", Pem(from), " ", Pem(to)).c_str()), 0);
  }

  std::string Pem(const std::string& name) const { return absl::StrCat(folder_, "/", name, ".pem"); }
  std::string Key(const std::string& name) const { return absl::StrCat(folder_, "/", name, ".key"); }

 private:
  void Run(const std::string& what, const std::string& name) const {
    const std::string command =
        absl::StrCat("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 ", what, " -keyout ",
                     Key(name), " -out ", Pem(name), " 2>/dev/null");
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }

  const std::string folder_;
};

}  // namespace mannequin::rpc
