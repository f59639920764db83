// Handshakes that are checked against TLSA records, beside the verdict by trust anchors.
#include "proxy/tls/dane.hpp"

#include <catch2/catch.hpp>

#include "proxy/tls/proof_of.hpp"
#include "tests/lab/authority.hpp"
#include "tests/lab/tls_context.hpp"
#include "tests/lab/tlsa.hpp"
#include "tests/unit/proxy/tls/directory.hpp"
#include "tests/unit/proxy/tls/memory_handshake.hpp"

using namespace proxy;
using policy::Check;
using policy::dane::Association;

namespace {

const std::string host = "mx1.dane.test", domain = "dane.test";

struct World {
  Directory directory;
  lab::Authority ca{directory.path(), "Lab CA"};
  lab::Authority other_ca{directory.path(), "Other CA"};
  TlsContexts contexts{ca.path(), 7};

  static AssociationPtr association(const std::vector<std::string>& rdata, const std::string& base = host,
                                    const std::vector<std::string>& further = {}) {
    return std::make_shared<const Association>(
        policy::dane::association(base, further, policy::dane::sort_out(rdata).usable));
  }

  policy::Proof proof(const lab::Certificate& certificate, const AssociationPtr& association) {
    const auto server = lab::server_context(certificate.path, {});
    MemoryHandshake handshake(contexts.client(Strength::strong, host, association), server.get());
    REQUIRE(handshake.done());
    server_name = handshake.server_name();
    return proof_of(handshake.client(), contexts, Strength::strong, host, "192.0.2.1", 25, association);
  }
  std::string server_name;
};

struct Usm {
  int usage, selector, matching;
};

}  // namespace

TEST_CASE("usage 3 looks at the key or certificate at no name date or issuer", "[DANE-07][DANE-12]") {
  World world;
  const auto shown = world.ca.issue({"other.test"}, {.days_from = -30, .days_to = -1, .self_signed = true});
  const auto another = world.ca.issue({host});
  for (const auto& [usage, selector, matching] :
       std::vector<Usm>{{3, 1, 1}, {3, 0, 1}, {3, 1, 2}, {3, 0, 2}, {3, 0, 0}, {3, 1, 0}}) {
    INFO(usage << ' ' << selector << ' ' << matching);
    const auto good = world.proof(shown, World::association({lab::tlsa_octets(shown.x509, usage, selector, matching)}));
    CHECK(good.dane == Check::passed);
    CHECK(good.dane_words.empty());
    CHECK(words(good) == "dane");
    // The verdict by trust anchors stands beside it.
    CHECK(good.pkix == Check::failed);
    CHECK(good.fault_words.find("expired") != std::string::npos);
    const auto bad =
        world.proof(another, World::association({lab::tlsa_octets(shown.x509, usage, selector, matching)}));
    CHECK(bad.dane == Check::failed);
    CHECK(bad.dane_words == "no TLSA record matches");
    CHECK(bad.pkix == Check::passed);
    CHECK(words(bad) == "pkix");
  }
}

TEST_CASE("usage 3 that names the issuer's key matches nothing", "[DANE-07]") {
  World world;
  const auto shown = world.ca.issue({host}, {.appended = {world.ca.root()}});
  const auto proof = world.proof(shown, World::association({lab::tlsa_octets(world.ca.root(), 3, 1, 1)}));
  CHECK(proof.dane == Check::failed);
  CHECK(proof.pkix == Check::passed);
}

TEST_CASE("usage 2 takes a chain to the anchor that was shown in date and for one of the names", "[DANE-08]") {
  World world;
  const auto& anchor = world.other_ca.root();
  const auto shown = [&](const std::vector<std::string>& names, lab::CertificateOptions options = {}) {
    options.appended.push_back(anchor);
    return world.other_ca.issue(names, options);
  };
  const std::vector<std::string> with_domain{domain};
  for (const auto& [usage, selector, matching] :
       std::vector<Usm>{{2, 0, 1}, {2, 1, 1}, {2, 0, 2}, {2, 1, 2}, {2, 0, 0}}) {
    INFO(usage << ' ' << selector << ' ' << matching);
    const auto named = World::association({lab::tlsa_octets(anchor, usage, selector, matching)}, host, with_domain);
    CHECK(world.proof(shown({host}), named).dane == Check::passed);
    CHECK(world.proof(shown({domain}), named).dane == Check::passed);
    CHECK(world.proof(shown({"*.dane.test"}), named).dane == Check::passed);
    CHECK(world.proof(shown({"mx*.dane.test"}), named).dane == Check::failed);
    CHECK(world.proof(shown({host}, {.intermediates = 1}), named).dane == Check::passed);
    const auto expired = world.proof(shown({host}, {.days_from = -9, .days_to = -1}), named);
    CHECK(expired.dane == Check::failed);
    CHECK(expired.dane_words.find("expired") != std::string::npos);
    const auto misnamed = world.proof(shown({"other.test"}), named);
    CHECK(misnamed.dane == Check::failed);
    CHECK(misnamed.dane_words.find("certificate is for other.test, not mx1.dane.test") != std::string::npos);
    CHECK(world.proof(world.ca.issue({host}, {.appended = {world.ca.root()}}), named).dane == Check::failed);
    // PKIX knows nothing of this authority.
    CHECK(world.proof(shown({host}), named).pkix == Check::failed);
  }
  const auto by_host = World::association({lab::tlsa_octets(anchor, 2, 1, 1)});
  CHECK(world.proof(shown({domain}), by_host).dane == Check::failed);  // insecure MX: the host's own name only
}

TEST_CASE("a match of usage 2 has the end of its chain and one of usage 3 has none", "[DANE-08][DANE-07]") {
  World world;
  const auto& anchor = world.other_ca.root();
  const auto shown = world.other_ca.issue({host}, {.days_to = 9, .appended = {anchor}});
  const auto in_days = [](int days) { return std::chrono::system_clock::now() + std::chrono::hours(24 * days); };
  auto proof = world.proof(shown, World::association({lab::tlsa_octets(anchor, 2, 1, 1)}));
  REQUIRE(proof.dane == Check::passed);
  REQUIRE(proof.dane_not_after);
  CHECK(*proof.dane_not_after > in_days(8));
  CHECK(*proof.dane_not_after < in_days(10));
  const auto own = lab::tlsa_octets(shown.x509, 3, 1, 1);
  proof = world.proof(shown, World::association({own}));
  CHECK(proof.dane == Check::passed);
  CHECK_FALSE(proof.dane_not_after);
  proof = world.proof(shown, World::association({own, lab::tlsa_octets(anchor, 2, 1, 1)}));
  CHECK(proof.dane == Check::passed);
  CHECK_FALSE(proof.dane_not_after);  // the one that asks less is enough
  proof = world.proof(world.ca.issue({host}), World::association({own}));
  CHECK_FALSE(proof.dane_not_after);
}

TEST_CASE("usage 2: the common name counts only where there is no DNS name", "[DANE-08]") {
  World world;
  const auto named = World::association({lab::tlsa_octets(world.other_ca.root(), 2, 1, 1)});
  const lab::CertificateOptions with_name{.common_name = host, .appended = {world.other_ca.root()}};
  CHECK(world.proof(world.other_ca.issue({"other.test"}, with_name), named).dane == Check::failed);
  CHECK(world.proof(world.other_ca.issue({}, with_name), named).dane == Check::passed);
}

TEST_CASE("usage 2: the anchor has to be shown except where the record is the certificate itself", "[DANE-08]") {
  World world;
  const auto shown = world.other_ca.issue({host});
  CHECK(world.proof(shown, World::association({lab::tlsa_octets(world.other_ca.root(), 2, 0, 1)})).dane ==
        Check::failed);
  CHECK(world.proof(shown, World::association({lab::tlsa_octets(world.other_ca.root(), 2, 0, 0)})).dane ==
        Check::passed);
}

TEST_CASE("one record that matches is enough of the strongest digests", "[DANE-22][DANE-12]") {
  World world;
  const auto shown = world.ca.issue({host}), old = world.ca.issue({host});
  const auto mine = [&](int usage, int selector, int matching) {
    return lab::tlsa_octets(shown.x509, usage, selector, matching);
  };
  const auto others = [&](int usage, int selector, int matching) {
    return lab::tlsa_octets(old.x509, usage, selector, matching);
  };
  const auto judged = [&](const std::vector<std::string>& records) {
    return world.proof(shown, World::association(records)).dane;
  };
  CHECK(judged({others(3, 1, 1), mine(3, 1, 1)}) == Check::passed);
  CHECK(judged({others(3, 1, 2), mine(3, 1, 1)}) == Check::failed);
  CHECK(judged({others(3, 0, 2), mine(3, 1, 1)}) == Check::passed);
  CHECK(judged({lab::tlsa_octets(world.other_ca.root(), 2, 0, 1), mine(3, 1, 1)}) == Check::passed);
}

TEST_CASE("the server name is the TLSA base domain PKIX goes by the MX host name", "[DANE-11][STS-45]") {
  World world;
  const std::string base = "real.host.test";
  const auto record = [](const lab::Certificate& certificate) { return lab::tlsa_octets(certificate.x509, 3, 1, 1); };
  const auto for_base = world.ca.issue({base}), for_host = world.ca.issue({host});
  auto proof = world.proof(for_base, World::association({record(for_base)}, base));
  CHECK(world.server_name == base);
  CHECK(proof.dane == Check::passed);
  CHECK(proof.pkix == Check::failed);
  proof = world.proof(for_host, World::association({record(for_host)}, base));
  CHECK(proof.dane == Check::passed);
  CHECK(proof.pkix == Check::passed);
  CHECK(proof.not_after > std::chrono::system_clock::now());
}

TEST_CASE("without TLSA records nothing is said of them", "[DANE-21]") {
  World world;
  const auto proof = world.proof(world.ca.issue({host}), nullptr);
  CHECK(proof.dane == Check::not_tried);
  CHECK_FALSE(proof.association);
  CHECK(proof.pkix == Check::passed);
}

TEST_CASE("a connection that was not checked against the records proves nothing of them", "[DANE-09]") {
  World world;
  const auto shown = world.ca.issue({host});
  const auto association = World::association({lab::tlsa_octets(shown.x509, 3, 1, 1)});
  const auto server = lab::server_context(shown.path, {});
  MemoryHandshake handshake(world.contexts.client(Strength::strong, host), server.get());
  REQUIRE(handshake.done());
  const auto proof = proof_of(handshake.client(), world.contexts, Strength::strong, host, "192.0.2.1", 25, association);
  CHECK(proof.dane == Check::failed);
  CHECK(proof.dane_words == "no certificate was checked against TLSA records");
}

TEST_CASE("full data that is no certificate and no key is found out", "[DANE-05]") {
  World world;
  const auto shown = world.ca.issue({host});
  const auto record = [&](int selector, const std::string& data) {
    return policy::dane::Record{3, static_cast<std::uint8_t>(selector), 0, data};
  };
  const auto certificate = lab::tlsa_octets(shown.x509, 3, 0, 0).substr(3);
  const auto key = lab::tlsa_octets(shown.x509, 3, 1, 0).substr(3);
  CHECK(is_well_formed(record(0, certificate)));
  CHECK(is_well_formed(record(1, key)));
  CHECK_FALSE(is_well_formed(record(1, certificate)));
  CHECK_FALSE(is_well_formed(record(0, key)));
  CHECK_FALSE(is_well_formed(record(0, certificate + "x")));
  CHECK_FALSE(is_well_formed(record(0, certificate.substr(0, certificate.size() - 1))));
  CHECK_FALSE(is_well_formed(record(1, "0")));
  CHECK(is_well_formed({3, 1, 1, "any digest"}));
}

TEST_CASE("usage 2 takes an anchor anywhere above the leaf and asks for no root above it", "[DANE-08][D-7]") {
  World world;
  const auto shown = world.other_ca.issue({host}, {.intermediates = 2});  // the root itself is not shown
  const auto chain = lab::certificates_of(shown.chain);
  REQUIRE(chain.size() == 3);
  for (const auto& anchor : {chain[1], chain[2]}) {
    for (const int selector : {0, 1}) {
      CHECK(world.proof(shown, World::association({lab::tlsa_octets(anchor, 2, selector, 1)})).dane == Check::passed);
    }
    const auto misnamed = world.other_ca.issue({"other.test"}, {.intermediates = 2});
    const auto its_anchor = lab::certificates_of(misnamed.chain)[1];
    CHECK(world.proof(misnamed, World::association({lab::tlsa_octets(its_anchor, 2, 1, 1)})).dane == Check::failed);
  }
}
