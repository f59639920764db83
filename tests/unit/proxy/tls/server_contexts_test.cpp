// Certificates of listeners: which pairs are served, what is said of others, and that a bad one replaces nothing.
#include "proxy/tls/server_contexts.hpp"

#include <catch2/catch.hpp>

#include "tests/lab/authority.hpp"
#include "tests/lab/tls_context.hpp"
#include "tests/unit/proxy/tls/directory.hpp"

using namespace proxy;
using In = CertificateFileFault::In;

namespace {

/// A handshake in memory with a client that takes any certificate.
class Meeting {
 public:
  Meeting(SslPtr server, int highest = 0, const char* ciphers = nullptr)
      : context_(lab::any_context()), server_(std::move(server)) {
    SSL_CTX_set_max_proto_version(context_.get(), highest);
    client_ = SslPtr(SSL_new(context_.get()));
    if (ciphers != nullptr) SSL_set_cipher_list(client_.get(), ciphers);
    BIO *near = nullptr, *far = nullptr;
    BIO_new_bio_pair(&near, 0, &far, 0);
    SSL_set_bio(client_.get(), near, near);
    SSL_set_bio(server_.get(), far, far);
    SSL_set_connect_state(client_.get());
    for (int round = 0; round < 20; ++round) {
      if (!client_done_) client_done_ = SSL_do_handshake(client_.get()) == 1;
      if (!server_done_) server_done_ = SSL_do_handshake(server_.get()) == 1;
    }
  }
  bool done() const { return client_done_ && server_done_; }
  /// Whether the client was shown this certificate.
  bool shown(const lab::Certificate& certificate) const {
    const X509* leaf = SSL_get0_peer_certificate(client_.get());
    return leaf != nullptr && X509_cmp(leaf, certificate.x509.get()) == 0;
  }
  int certificates() const { return sk_X509_num(SSL_get_peer_cert_chain(client_.get())); }
  std::string cipher() const { return SSL_get_cipher_name(client_.get()); }

 private:
  lab::ContextPtr context_;
  SslPtr client_, server_;
  bool client_done_ = false, server_done_ = false;
};

struct World {
  Directory directory;
  lab::Authority ca{directory.path(), "Lab CA"};
  lab::Certificate one = ca.issue({"relay.test"}, {.intermediates = 1}), two = ca.issue({"relay.test"});
  CertificateFiles files(const lab::Certificate& certificate, const lab::Certificate& key,
                         const std::string& name = "pair") const {
    return {directory.write(name + ".pem", certificate.chain), directory.write(name + ".key", key.key)};
  }
};

}  // namespace

TEST_CASE("a listener shows its whole chain over TLS 1.2 or later", "[SMTP-33]") {
  const World world;
  const ServerContext context(world.files(world.one, world.one));
  for (const int version : {0, TLS1_2_VERSION, TLS1_3_VERSION}) {
    const Meeting meeting(context.accept(), version);
    REQUIRE(meeting.done());
    CHECK(meeting.shown(world.one));
    CHECK(meeting.certificates() == 2);
  }
  CHECK_FALSE(Meeting(context.accept(), TLS1_1_VERSION).done());
  CHECK_FALSE(Meeting(context.accept(), TLS1_2_VERSION, "aNULL:@SECLEVEL=0").done());
  CHECK_FALSE(Meeting(context.accept(), TLS1_2_VERSION, "eNULL:@SECLEVEL=0").done());
}

TEST_CASE("the cipher is the server's choice", "[SMTP-33]") {
  const World world;
  const ServerContext context(world.files(world.one, world.one));
  const char* weaker_first = "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384";
  const Meeting meeting(context.accept(), TLS1_2_VERSION, weaker_first);
  REQUIRE(meeting.done());
  CHECK(meeting.cipher() == "ECDHE-ECDSA-AES256-GCM-SHA384");
}

TEST_CASE("a pair of files that cannot be served is told by the file at fault", "[OPS-15]") {
  World world;
  const auto& d = world.directory;
  const auto weak = world.ca.issue({"relay.test"}, {.rsa_bits = 1024});
  const auto rsa = world.ca.issue({"relay.test"}, {.rsa_bits = 2048});
  const std::string encrypted =
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAg=\n"
      "-----END ENCRYPTED PRIVATE KEY-----\n";
  struct Row {
    CertificateFiles files;
    In in;
    std::string words;
  };
  const Row rows[] = {
      {{d.path() + "/none.pem", d.write("a.key", world.one.key)}, In::certificate, "No such file"},
      {{d.write("text.pem", "no certificate\n"), d.write("a.key", world.one.key)}, In::certificate, "no start line"},
      {{d.write("a.pem", world.one.chain), d.path() + "/none.key"}, In::key, "No such file"},
      {{d.write("a.pem", world.one.chain), d.write("text.key", "no key\n")}, In::key, "no key can be read"},
      {{d.write("a.pem", world.one.chain), d.write("locked.key", encrypted)}, In::key, "no key can be read"},
      {world.files(world.one, world.two), In::key, "is not the key of the certificate in"},
      {{d.write("b.pem", world.one.chain), d.write("b.key", rsa.key)}, In::key, "is not the key of the certificate in"},
      {{d.write("weak.pem", weak.chain), d.write("weak.key", weak.key)}, In::certificate, "too small"},
  };
  for (const auto& row : rows) {
    INFO(row.files.certificate << " and " << row.files.key << ": " << row.words);
    const auto checked = check_certificate(row.files);
    REQUIRE(checked.fault);
    INFO(checked.fault->words);
    CHECK(checked.fault->in == row.in);
    CHECK(checked.fault->words.find(row.words) != std::string::npos);
    CHECK_THROWS_AS(ServerContext(row.files), std::runtime_error);
  }
  const auto good = check_certificate({world.one.path, world.one.path});  // one file may hold both
  CHECK_FALSE(good.fault);
  CHECK(good.not_after > std::chrono::system_clock::now());
  const auto old = world.ca.issue({"relay.test"}, {.days_from = -30, .days_to = -1});
  CHECK(check_certificate({old.path, old.path}).not_after < std::chrono::system_clock::now());
}

TEST_CASE("a new pair is served from the next handshake on and a bad one keeps the old", "[OPS-03]") {
  const World world;
  const auto files = world.files(world.one, world.one);
  ServerContext context(files);
  CHECK_FALSE(context.files_changed());
  auto begun = context.accept();  // before the change
  world.directory.write("pair.pem", world.two.chain);
  CHECK(context.files_changed());
  const auto half = context.reload(files);
  REQUIRE(half);
  CHECK(half->in == In::key);
  CHECK_FALSE(context.files_changed());  // told once
  CHECK(Meeting(context.accept()).shown(world.one));
  world.directory.write("pair.key", world.two.key);
  CHECK(context.files_changed());
  CHECK_FALSE(context.reload(files));
  CHECK(Meeting(context.accept()).shown(world.two));
  CHECK(Meeting(std::move(begun)).shown(world.one));
  std::filesystem::remove(files.key);
  CHECK(context.files_changed());
  CHECK(context.reload(files));
  CHECK(Meeting(context.accept()).shown(world.two));
  CHECK_FALSE(context.reload(world.files(world.one, world.one, "other")));
  CHECK(context.files().certificate.ends_with("other.pem"));
  CHECK(Meeting(context.accept()).shown(world.one));
}
