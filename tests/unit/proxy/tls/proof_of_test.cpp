// What a handshake proves, certificate by certificate.
#include "proxy/tls/proof_of.hpp"

#include <openssl/err.h>

#include <catch2/catch.hpp>
#include <functional>

#include "protocol/base/time_format.hpp"
#include "tests/lab/authority.hpp"
#include "tests/lab/tls_context.hpp"
#include "tests/unit/proxy/tls/directory.hpp"
#include "tests/unit/proxy/tls/memory_handshake.hpp"

using namespace proxy;
using policy::CertificateFault;
using policy::Check;

namespace {

const std::string host = "mx1.bad.test";

struct World {
  Directory directory;
  lab::Authority ca{directory.path(), "Lab CA"};
  lab::Authority other_ca{directory.path(), "Other CA"};
  TlsContexts contexts{ca.path(), 7};

  /// The proof of a connection to `host`, whose server shows this certificate.
  policy::Proof proof(const lab::Certificate& certificate, Strength strength = Strength::strong,
                      const lab::TlsOptions& options = {}, const std::string& expected = host) const {
    const auto server = lab::server_context(certificate.path, options);
    MemoryHandshake handshake(contexts.client(strength, expected), server.get());
    REQUIRE(handshake.done());
    return proof_of(handshake.client(), contexts, strength, expected, "192.0.2.1", 25);
  }
};

std::string day_from_now(int days) {
  return base::day(std::chrono::system_clock::now() + std::chrono::hours(24 * days));
}

}  // namespace

TEST_CASE("a certificate for the host in date and from a trust anchor is proof", "[STS-40][STS-42]") {
  World world;
  const auto proof = world.proof(world.ca.issue({"other.test", host}));
  CHECK(proof.pkix == Check::passed);
  CHECK(proof.fault == CertificateFault::none);
  CHECK(proof.fault_words.empty());
  CHECK(proof.encrypted);
  CHECK(proof.strong);
  CHECK_FALSE(proof.resumed);
  CHECK(proof.dane == Check::not_tried);
  CHECK(proof.host == host);
  CHECK(proof.address == "192.0.2.1");
  CHECK(proof.port == 25);
  CHECK(proof.anchors == 7);
  CHECK(proof.tls == "TLSv1.3");
  CHECK(proof.cipher == "TLS_AES_256_GCM_SHA384");
  CHECK(proof.issuer == "Lab CA");
  CHECK(proof.subject == "other.test");
  CHECK(base::day(proof.not_after) == day_from_now(30));
}

TEST_CASE("the certificate table of an MX host", "[STS-40][STS-09][M-2][X-2]") {
  struct Row {
    std::string name;
    std::function<lab::Certificate(World&)> make;
    CertificateFault fault;
    std::string words;
  };
  const std::vector<Row> rows{
      {"whole label wildcard", [](World& w) { return w.ca.issue({"*.bad.test"}); }, CertificateFault::none, ""},
      {"upper case", [](World& w) { return w.ca.issue({"MX1.Bad.TEST"}); }, CertificateFault::none, ""},
      {"key usage for servers", [](World& w) { return w.ca.issue({host}, {.extended_key_usage = "serverAuth"}); },
       CertificateFault::none, ""},
      {"two intermediates", [](World& w) { return w.ca.issue({host}, {.intermediates = 2}); }, CertificateFault::none,
       ""},
      {"RSA of 2048 bits", [](World& w) { return w.ca.issue({host}, {.rsa_bits = 2048}); }, CertificateFault::none, ""},
      {"wrong name", [](World& w) { return w.ca.issue({"other.test"}); }, CertificateFault::name_mismatch,
       "certificate is for other.test, not mx1.bad.test"},
      {"many wrong names",
       [](World& w) {
         return w.ca.issue({"a.test", "b.test", "c.test", "d.test", "e.test"});
       },
       CertificateFault::name_mismatch, "certificate is for a.test, b.test, c.test and 2 more, not mx1.bad.test"},
      {"the hoster's wildcard", [](World& w) { return w.ca.issue({"*.hoster.example"}); },
       CertificateFault::name_mismatch, "certificate is for *.hoster.example, not mx1.bad.test"},
      {"expired", [](World& w) { return w.ca.issue({host}, {.days_from = -30, .days_to = -1}); },
       CertificateFault::expired, "certificate expired " + day_from_now(-1)},
      {"not yet valid", [](World& w) { return w.ca.issue({host}, {.days_from = 1, .days_to = 30}); },
       CertificateFault::not_yet_valid, "certificate not valid before " + day_from_now(1)},
      {"self-signed", [](World& w) { return w.ca.issue({host}, {.self_signed = true}); }, CertificateFault::self_signed,
       "self-signed certificate"},
      {"unknown authority", [](World& w) { return w.other_ca.issue({host}); }, CertificateFault::unknown_issuer,
       "issuer not trusted"},
      {"unknown authority that shows its root",
       [](World& w) { return w.other_ca.issue({host}, {.appended = {w.other_ca.root()}}); },
       CertificateFault::unknown_issuer, "issuer not trusted"},
      {"intermediate left out",
       [](World& w) { return w.ca.issue({host}, {.intermediates = 1, .leave_out_intermediates = true}); },
       CertificateFault::unknown_issuer, "issuer not trusted"},
      {"name in the common name only", [](World& w) { return w.ca.issue({}, {.common_name = host}); },
       CertificateFault::name_mismatch, "certificate has no DNS name, not for mx1.bad.test"},
      {"name in the common name and another as SAN",
       [](World& w) { return w.ca.issue({"other.test"}, {.common_name = host}); }, CertificateFault::name_mismatch,
       "certificate is for other.test, not mx1.bad.test"},
      {"wildcard for two labels", [](World& w) { return w.ca.issue({"*.test"}); }, CertificateFault::name_mismatch,
       "certificate is for *.test, not mx1.bad.test"},
      {"partial wildcard", [](World& w) { return w.ca.issue({"mx*.bad.test"}); }, CertificateFault::name_mismatch,
       "certificate is for mx*.bad.test, not mx1.bad.test"},
      {"wildcard that is not the first label", [](World& w) { return w.ca.issue({"mx1.*.test"}); },
       CertificateFault::name_mismatch, "certificate is for mx1.*.test, not mx1.bad.test"},
      {"the policy domain", [](World& w) { return w.ca.issue({"bad.test"}); }, CertificateFault::name_mismatch,
       "certificate is for bad.test, not mx1.bad.test"},
      {"the sibling MX", [](World& w) { return w.ca.issue({"mx2.bad.test"}); }, CertificateFault::name_mismatch,
       "certificate is for mx2.bad.test, not mx1.bad.test"},
      {"the name up to a NUL",
       [](World& w) { return w.ca.issue({std::string("mx1.bad.test\0.evil.test", 23)}, {.common_name = "x"}); },
       CertificateFault::name_mismatch, "certificate is for mx1.bad.test\\x00.evil.test, not mx1.bad.test"},
      {"for clients", [](World& w) { return w.ca.issue({host}, {.extended_key_usage = "clientAuth"}); },
       CertificateFault::wrong_purpose, "certificate is not for servers"},
      {"key of 1024 bits", [](World& w) { return w.ca.issue({host}, {.rsa_bits = 1024}); }, CertificateFault::weak,
       "key too weak"},
  };
  World world;
  for (const auto& row : rows) {
    INFO(row.name);
    const auto proof = world.proof(row.make(world));
    CHECK(proof.pkix == (row.fault == CertificateFault::none ? Check::passed : Check::failed));
    CHECK(proof.fault == row.fault);
    // A moment is appended to the day in the words for one that is not yet valid.
    CHECK(proof.fault_words.substr(0, row.words.size()) == row.words);
    CHECK(proof.fault_words.empty() == row.words.empty());
    CHECK(proof.encrypted);
  }
}

TEST_CASE("a key of 1024 bits and an expired certificate are both reported at either strength", "[STS-40]") {
  World world;
  const auto certificate = world.ca.issue({host}, {.days_from = -30, .days_to = -2, .rsa_bits = 1024});
  for (const auto strength : {Strength::strong, Strength::weak}) {
    const auto proof = world.proof(certificate, strength);
    CHECK(proof.pkix == Check::failed);
    CHECK(proof.fault == CertificateFault::expired);
    CHECK(proof.fault_words == "certificate expired " + day_from_now(-2) + "; key too weak");
  }
}

TEST_CASE("every fault of a certificate is reported once and by precedence", "[STS-40]") {
  World world;
  const auto certificate = world.ca.issue(
      {"other.test"}, {.days_from = -30, .days_to = -2, .self_signed = true, .extended_key_usage = "clientAuth"});
  const auto proof = world.proof(certificate);
  CHECK(proof.fault == CertificateFault::expired);
  CHECK(proof.fault_words == "certificate expired " + day_from_now(-2) +
                                 "; self-signed certificate; certificate is for other.test, not mx1.bad.test; "
                                 "certificate is not for servers");
}

TEST_CASE("a chain whose last certificate is of an expired root ends at the trusted one", "[X-1][STS-40][STS-09]") {
  World world;
  const lab::Authority old(world.directory.path(), "Old Root", {.days_from = -3650, .days_to = -30});
  const auto certificate =
      world.ca.issue({host}, {.intermediates = 1, .appended = {world.ca.cross_signed_by(old), old.root()}});
  const auto proof = world.proof(certificate);
  CHECK(proof.pkix == Check::passed);
  CHECK(proof.fault_words.empty());
  CHECK(base::day(proof.not_after) == day_from_now(30));
}

TEST_CASE("a root that has expired is no trust anchor", "[STS-40]") {
  World world;
  lab::Authority old(world.directory.path(), "Old Root", {.days_from = -3650, .days_to = -30});
  const TlsContexts contexts(old.path());
  const auto server = lab::server_context(old.issue({host}).path);
  MemoryHandshake handshake(contexts.client(Strength::strong, host), server.get());
  const auto proof = proof_of(handshake.client(), contexts, Strength::strong, host, "192.0.2.1", 25);
  CHECK(proof.pkix == Check::failed);
  CHECK(proof.fault_words == "certificate of Old Root expired " + day_from_now(-30));
}

TEST_CASE("the earliest expiry of the verified chain counts", "[STS-40]") {
  World world;
  lab::Authority brief(world.directory.path(), "Brief Root", {.days_from = -30, .days_to = 3});
  const TlsContexts contexts(brief.path());
  const auto server = lab::server_context(brief.issue({host}).path);
  MemoryHandshake handshake(contexts.client(Strength::strong, host), server.get());
  const auto proof = proof_of(handshake.client(), contexts, Strength::strong, host, "192.0.2.1", 25);
  CHECK(proof.pkix == Check::passed);
  CHECK(base::day(proof.not_after) == day_from_now(3));
}

TEST_CASE("a resumed session is no proof for any name", "[STS-49]") {
  World world;
  const auto certificate = world.ca.issue({host});
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const auto server = lab::server_context(certificate.path, {.lowest = version, .highest = version});
  SSL_CTX_set_session_cache_mode(server.get(), SSL_SESS_CACHE_SERVER);
  const unsigned char id = 1;
  SSL_CTX_set_session_id_context(server.get(), &id, 1);

  MemoryHandshake first(world.contexts.client(Strength::strong, host), server.get());
  REQUIRE(first.done());
  CHECK(proof_of(first.client(), world.contexts, Strength::strong, host, "", 25).pkix == Check::passed);
  const std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> session(SSL_get1_session(first.client()),
                                                                          SSL_SESSION_free);

  for (const std::string& name : {host, std::string("evil.example.net")}) {
    auto client = world.contexts.client(Strength::strong, name);
    REQUIRE(SSL_set_session(client.get(), session.get()) == 1);
    SSL_set_tlsext_host_name(client.get(), host.c_str());  // this server minds another name; a rogue one would not
    MemoryHandshake second(std::move(client), server.get());
    REQUIRE(second.done());
    REQUIRE(SSL_session_reused(second.client()) == 1);
    REQUIRE(SSL_get_verify_result(second.client()) == X509_V_OK);  // what makes it dangerous
    const auto proof = proof_of(second.client(), world.contexts, Strength::strong, name, "", 25);
    CHECK(proof.resumed);
    CHECK(proof.pkix == Check::failed);
    CHECK(proof.fault_words == "resumed session proves nothing");
  }
}

TEST_CASE("a second connection does not resume the session of the first", "[STS-49]") {
  World world;
  const auto server = lab::server_context(world.ca.issue({host}).path);
  SSL_CTX_set_session_cache_mode(server.get(), SSL_SESS_CACHE_SERVER);
  for (int i = 0; i < 2; ++i) {
    MemoryHandshake handshake(world.contexts.client(Strength::strong, host), server.get());
    REQUIRE(handshake.done());
    CHECK(SSL_session_reused(handshake.client()) == 0);
  }
}

TEST_CASE("nothing is proven where the proof is asked for another host or by other trust anchors", "[STS-40]") {
  World world;
  const auto server = lab::server_context(world.ca.issue({host, "mx2.bad.test"}).path);
  MemoryHandshake handshake(world.contexts.client(Strength::strong, host), server.get());
  REQUIRE(handshake.done());
  CHECK(proof_of(handshake.client(), world.contexts, Strength::strong, "mx2.bad.test", "", 25).pkix == Check::failed);
  const TlsContexts reloaded(world.ca.path(), 8);
  const auto proof = proof_of(handshake.client(), reloaded, Strength::strong, host, "", 25);
  CHECK(proof.pkix == Check::failed);
  CHECK_FALSE(proof.strong);
}

TEST_CASE("a weak handshake is never said to be strong", "[STS-42]") {
  World world;
  const auto server = lab::server_context(world.ca.issue({host}).path);
  MemoryHandshake handshake(world.contexts.client(Strength::weak, host), server.get());
  CHECK_FALSE(proof_of(handshake.client(), world.contexts, Strength::weak, host, "", 25).strong);
  CHECK_FALSE(proof_of(handshake.client(), world.contexts, Strength::strong, host, "", 25).strong);
}

TEST_CASE("an SSL that expects no host and one that has not shaken hands prove nothing", "[STS-40]") {
  World world;
  const auto server = lab::server_context(world.ca.issue({host}).path);
  SslPtr bare(SSL_new(world.contexts.strong_context()));
  SSL_set_connect_state(bare.get());
  MemoryHandshake handshake(std::move(bare), server.get());
  REQUIRE(handshake.done());
  CHECK(proof_of(handshake.client(), world.contexts, Strength::strong, host, "", 25).pkix == Check::failed);

  const auto idle = world.contexts.client(Strength::strong, host);
  const auto proof = proof_of(idle.get(), world.contexts, Strength::strong, host, "", 25);
  CHECK_FALSE(proof.encrypted);
  CHECK_FALSE(proof.strong);
  CHECK(proof.pkix == Check::failed);
}

TEST_CASE("an address proves itself by its own kind of name and is never a server name", "[STS-41][STS-40]") {
  World world;
  const auto server = lab::server_context(world.ca.issue({"192.0.2.1"}).path);
  MemoryHandshake handshake(world.contexts.client(Strength::strong, "192.0.2.1"), server.get());
  REQUIRE(handshake.done());
  CHECK(handshake.server_name().empty());
  CHECK(proof_of(handshake.client(), world.contexts, Strength::strong, "192.0.2.1", "", 25).fault ==
        CertificateFault::name_mismatch);
}

TEST_CASE("names that would make OpenSSL check less are refused", "[STS-40]") {
  World world;
  for (const std::string& name :
       {std::string(), std::string(".bad.test"), std::string("mx1.bad.test."), std::string("mx1.bad.test\0", 13)}) {
    CHECK_THROWS_AS(world.contexts.client(Strength::strong, name), std::invalid_argument);
  }
}

TEST_CASE("names in a hostile certificate come out bounded and printable", "[STS-50]") {
  World world;
  const std::string nasty = "a\r\n250 ok \x1b[31m" + std::string(3000, 'x');
  const auto proof = world.proof(world.ca.issue({nasty, nasty, nasty, nasty}, {.common_name = "evil\r\nname"}));
  CHECK(proof.pkix == Check::failed);
  CHECK(proof.fault_words.size() <= 240);
  CHECK(proof.subject == "evil\\r\\nname");
  for (const char c : proof.fault_words + proof.subject + proof.issuer) CHECK((c >= 0x20 && c < 0x7f));
}

TEST_CASE("a plaintext proof proves nothing", "[STS-40]") {
  const auto proof = plaintext_proof(host, "192.0.2.1", 25);
  CHECK_FALSE(proof.encrypted);
  CHECK_FALSE(proof.strong);
  CHECK(proof.pkix == Check::not_tried);
}

TEST_CASE("words for a failed handshake are the first of the queue and leave it empty", "[STS-36]") {
  OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS, nullptr);  // loads the words
  ERR_clear_error();
  CHECK(handshake_error_words() == "connection closed");
  ERR_raise(ERR_LIB_SSL, SSL_R_WRONG_VERSION_NUMBER);
  ERR_raise(ERR_LIB_SSL, SSL_R_UNSUPPORTED_PROTOCOL);
  CHECK(handshake_error_words() == "wrong version number");
  CHECK(ERR_peek_error() == 0);
}
