// A relay whose first listener speaks TLS, and clients inside it.
#pragma once

#include "tests/scenario/support/world.hpp"

namespace scenario {

/// Makes the first listener one of this kind, with a good certificate, and starts the relay: for a World that was not
/// started. The certificate's file is the relay's own, so that a test may replace it.
inline std::string start_with_tls(World& world, const std::string& kind, lab::Settings more = {}) {
  const std::string file = world.relay.directory() + "/listener.pem";
  world.lab.ca().issue({"relay.test"}).write_pem(file);
  more["tls"] = lab::toml(kind);
  more["certificate"] = more["key"] = lab::toml(file);
  world.relay.options().listener = std::move(more);
  world.relay.write_configuration();
  world.relay.start();
  return file;
}

/// A client that has said STARTTLS and EHLO (or LHLO) again; of an implicit listener, EHLO.
inline lab::SmtpClient secure_client(World& world, bool implicit = false, bool lmtp = false) {
  auto client = world.relay.client(lmtp, {.tls = implicit});
  if (implicit) return client;
  if (client.starttls().code != 220) throw std::runtime_error("STARTTLS was refused");
  client.ehlo("client.sender.test", lmtp ? "LHLO" : "EHLO");
  return client;
}

}  // namespace scenario
