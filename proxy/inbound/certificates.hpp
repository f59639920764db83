// The certificates of all listeners, on the control thread: read at start, at a reload, and when their files change, so
// that a renewal needs no hook. Never ends a session, never takes a pair away.
#pragma once

#include <memory>
#include <vector>

#include "proxy/config/config.hpp"
#include "proxy/runtime/spawn.hpp"
#include "proxy/tls/server_contexts.hpp"

namespace proxy {

class ListenerCertificates {
 public:
  /// The context for a listener's handshakes; null where it has no TLS. Throws std::runtime_error when its files cannot
  /// be served.
  std::shared_ptr<const ServerContext> add(const ListenerConfig& listener);
  /// Reads every pair anew. Listeners keep their kind of TLS; where the file names other files now, those.
  void reload(const Config& config);
  /// Reads those whose files have changed.
  void look();
  /// look(), once a minute, for ever.
  awaitable<void> watch(Executor executor);

 private:
  struct Served {
    HostPort address;  // as configured: by it a listener is found again
    std::shared_ptr<ServerContext> context;
  };
  static void read(const Served& served, CertificateFiles files);

  std::vector<Served> all_;
};

}  // namespace proxy
