// A web server for one folder on this machine's loopback address: the stand-in for the
// shops that a crawl fetches pictures from.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<Origin> origin, Origin::Start("/tmp/sample/images", 0));
//   std::string url = absl::StrCat("http://", origin->address(), "/S000001.jpg");
//
// Not for the open network: no TLS, no authentication, and it follows symbolic links.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace mannequin {

// Thread-safe.
class Origin {
 public:
  // Serves the files below `folder`, which may fill while it serves, at
  // 127.0.0.1:`port` (0: a free one). Each request reads its file anew. 404 for what is
  // not there, and for any path with a part that begins with a dot. Keeps connections
  // open; up to 256 at once, more wait. NOT_FOUND: no such folder; UNAVAILABLE: the port
  // is taken.
  static absl::StatusOr<std::unique_ptr<Origin>> Start(const std::string& folder, int port);

  // Stops; open connections are closed at their next request or within 5 s.
  ~Origin();

  int port() const;
  std::string address() const;  // "127.0.0.1:PORT"

 private:
  class Server;
  explicit Origin(std::unique_ptr<Server> server);
  std::unique_ptr<Server> server_;
};

}  // namespace mannequin
