// Which handshakes come about at all, and what trust anchors may be.
#include "proxy/tls/contexts.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "proxy/tls/proof_of.hpp"
#include "tests/lab/authority.hpp"
#include "tests/lab/tls_context.hpp"
#include "tests/unit/proxy/tls/directory.hpp"
#include "tests/unit/proxy/tls/memory_handshake.hpp"

using namespace proxy;

namespace {

const std::string host = "mx1.old.test";

/// What the constructor says of a file that it does not take.
std::string refusal(const std::string& file) {
  try {
    const TlsContexts contexts(file);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "taken";
}

/// Sets a variable of the environment until it ends.
class Setting {
 public:
  Setting(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~Setting() { ::unsetenv(name_); }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;

 private:
  const char* name_;
};

}  // namespace

TEST_CASE("which servers the strong and the weak context can talk to", "[STS-42][SMTP-56]") {
  struct Row {
    std::string name;
    lab::TlsOptions server;
    bool strong, weak;
    std::string version;
  };
  const std::vector<Row> rows{
      {"anything", {}, true, true, "TLSv1.3"},
      {"TLS 1.3 only", {.lowest = TLS1_3_VERSION, .highest = TLS1_3_VERSION}, true, true, "TLSv1.3"},
      {"TLS 1.2 only", {.lowest = TLS1_2_VERSION, .highest = TLS1_2_VERSION}, true, true, "TLSv1.2"},
      {"TLS 1.1 at most", {.lowest = TLS1_VERSION, .highest = TLS1_1_VERSION}, false, true, "TLSv1.1"},
      {"TLS 1.0 only", {.lowest = TLS1_VERSION, .highest = TLS1_VERSION}, false, true, "TLSv1"},
      {"Diffie-Hellman of 1024 bits only", {.weak_dh = true}, false, true, "TLSv1.2"},
  };
  Directory directory;
  lab::Authority ca(directory.path(), "Lab CA");
  const TlsContexts contexts(ca.path());
  const auto certificate = ca.issue({host}, {.rsa_bits = 2048});
  for (const auto& row : rows) {
    INFO(row.name);
    const auto server = lab::server_context(certificate.path, row.server);
    for (const auto strength : {Strength::strong, Strength::weak}) {
      MemoryHandshake handshake(contexts.client(strength, host), server.get());
      CHECK(handshake.done() == (strength == Strength::strong ? row.strong : row.weak));
      if (!handshake.done()) {
        CHECK(handshake_error_words() != "connection closed");
        continue;
      }
      const auto proof = proof_of(handshake.client(), contexts, strength, host, "192.0.2.1", 25);
      CHECK(proof.tls == row.version);
      CHECK(proof.strong == (strength == Strength::strong));
    }
  }
}

TEST_CASE("neither context accepts a server without certificate or encryption", "[SMTP-56][STS-42]") {
  Directory directory;
  lab::Authority ca(directory.path(), "Lab CA");
  const TlsContexts contexts(ca.path());
  const std::string ciphers = GENERATE("aNULL:@SECLEVEL=0", "eNULL:@SECLEVEL=0");
  const auto server = lab::server_context(ca.issue({host}).path);
  SSL_CTX_set_max_proto_version(server.get(), TLS1_2_VERSION);
  REQUIRE(SSL_CTX_set_cipher_list(server.get(), ciphers.c_str()) == 1);
  for (const auto strength : {Strength::strong, Strength::weak}) {
    MemoryHandshake handshake(contexts.client(strength, host), server.get());
    CHECK_FALSE(handshake.done());
  }
}

TEST_CASE("the server name is the host", "[STS-41]") {
  Directory directory;
  lab::Authority ca(directory.path(), "Lab CA");
  const TlsContexts contexts(ca.path());
  const auto server = lab::server_context(ca.issue({"other.test"}).path);
  MemoryHandshake handshake(contexts.client(Strength::strong, host), server.get());
  CHECK(handshake.server_name() == host);
}

TEST_CASE("trust anchors that cannot be used are refused with the file and what was expected", "[tls]") {
  Directory directory;
  lab::Authority ca(directory.path(), "Lab CA");
  const std::string missing = directory.path() + "/none.pem";
  CHECK(refusal(missing) ==
        "trust anchors: " + missing + ": No such file or directory, expected a file of PEM certificates");
  const std::string empty = directory.write("empty.pem", "");
  CHECK(refusal(empty) == "trust anchors: " + empty + ": no certificate in it, expected a file of PEM certificates");
  const std::string text = directory.write("text.pem", "these are not the anchors\n");
  CHECK(refusal(text) == "trust anchors: " + text + ": no certificate in it, expected a file of PEM certificates");
  std::string half = ca.pem();
  half.resize(half.size() / 2);
  const std::string cut = directory.write("cut.pem", ca.pem() + half);
  CHECK(refusal(cut) ==
        "trust anchors: " + cut + ": certificate 2 cannot be read, expected a file of PEM certificates");
  CHECK(refusal(directory.path()).find("expected a file of PEM certificates") != std::string::npos);
}

TEST_CASE("a file may hold many trust anchors and one of them twice", "[STS-40]") {
  Directory directory;
  lab::Authority one(directory.path(), "One"), two(directory.path(), "Two");
  const TlsContexts contexts(directory.write("both.pem", "# ours\n" + one.pem() + two.pem() + one.pem()));
  for (lab::Authority* ca : {&one, &two}) {
    const auto server = lab::server_context(ca->issue({host}).path);
    MemoryHandshake handshake(contexts.client(Strength::strong, host), server.get());
    CHECK(proof_of(handshake.client(), contexts, Strength::strong, host, "", 25).pkix == policy::Check::passed);
  }
}

TEST_CASE("without a file the trust anchors are where OpenSSL looks for them", "[STS-40]") {
  Directory directory;
  lab::Authority file(directory.path(), "File"), hashed(directory.path(), "Hashed");
  const std::string certificates = directory.path() + "/certs";
  std::filesystem::create_directory(certificates);
  directory.write("certs/0123abcd.0", hashed.pem());
  directory.write("certs/README.md", "not a certificate");
  std::filesystem::create_symlink("nowhere", certificates + "/ffffffff.0");
  const Setting file_setting("SSL_CERT_FILE", file.path()), directory_setting("SSL_CERT_DIR", certificates);
  const TlsContexts contexts("");
  for (lab::Authority* ca : {&file, &hashed}) {
    const auto server = lab::server_context(ca->issue({host}).path);
    MemoryHandshake handshake(contexts.client(Strength::strong, host), server.get());
    CHECK(proof_of(handshake.client(), contexts, Strength::strong, host, "", 25).pkix == policy::Check::passed);
  }
}

TEST_CASE("no certificate is asked to be in no list of revoked ones - as docs/operation.md says", "[STS-67]") {
  Directory directory;
  lab::Authority ca(directory.path(), "Lab CA");
  const TlsContexts contexts(ca.path());
  const auto flags = X509_VERIFY_PARAM_get_flags(SSL_CTX_get0_param(contexts.strong_context()));
  CHECK((flags & (X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL)) == 0);
  const auto ssl = contexts.client(Strength::strong, host);
  CHECK(SSL_get_tlsext_status_type(ssl.get()) == -1);  // no OCSP response is asked for
  std::ifstream docs(STS_RELAY_SOURCE "/docs/operation.md");
  std::stringstream text;
  text << docs.rdbuf();
  CHECK(text.str().find("## Revocation is not checked") != std::string::npos);
}

TEST_CASE("a system without any trust anchor is refused", "[tls]") {
  Directory directory;
  const Setting file("SSL_CERT_FILE", directory.path() + "/none"), certificates("SSL_CERT_DIR", directory.path());
  CHECK(refusal("").find("install the package ca-certificates or set trust_anchors") != std::string::npos);
}
