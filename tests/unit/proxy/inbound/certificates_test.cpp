// The certificates of all listeners: which files are read again, and when.
#include "proxy/inbound/certificates.hpp"

#include <catch2/catch.hpp>

#include "tests/lab/authority.hpp"
#include "tests/unit/proxy/tls/directory.hpp"

using namespace proxy;

namespace {

/// The serial number of the certificate in force.
long serial(const ServerContext& context) {
  const auto ssl = context.accept();
  return ASN1_INTEGER_get(X509_get0_serialNumber(SSL_get_certificate(ssl.get())));
}

}  // namespace

TEST_CASE("certificates follow their files and the configuration", "[OPS-03][SMTP-33]") {
  Directory directory;
  lab::Authority ca(directory.path(), "Lab CA");
  const auto one = ca.issue({"relay.test"}), two = ca.issue({"relay.test"}), three = ca.issue({"relay.test"});
  const auto number = [](const lab::Certificate& certificate) {
    return ASN1_INTEGER_get(X509_get0_serialNumber(certificate.x509.get()));
  };
  const auto served = directory.path() + "/served.pem";
  one.write_pem(served);

  ListenerConfig listener;
  ListenerCertificates certificates;
  CHECK(certificates.add(listener) == nullptr);
  listener.tls = smtp::ServerOptions::Tls::starttls;
  listener.certificate = listener.key = served;
  const auto context = certificates.add(listener);
  REQUIRE(context);
  CHECK(serial(*context) == number(one));
  certificates.look();
  CHECK(serial(*context) == number(one));

  // A renewal in place.
  two.write_pem(served);
  certificates.look();
  CHECK(serial(*context) == number(two));
  directory.write("served.pem", "half");
  certificates.look();
  CHECK(serial(*context) == number(two));

  // A reload takes the files that the configuration names now, for the listener of the same address.
  Config config;
  config.listeners.push_back(listener);
  config.listeners.back().certificate = config.listeners.back().key = three.path;
  config.listeners.back().address.port = 2626;
  certificates.reload(config);
  CHECK(serial(*context) == number(two));
  config.listeners.back().address.port = listener.address.port;
  certificates.reload(config);
  CHECK(serial(*context) == number(three));
  config.listeners.clear();
  certificates.reload(config);
  CHECK(serial(*context) == number(three));

  listener.certificate = directory.path() + "/none.pem";
  CHECK_THROWS_AS(certificates.add(listener), std::runtime_error);
}
