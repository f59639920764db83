// DANE with real parts: a zone that ldns-signzone has signed, unbound that validates it by a trust anchor of its own,
// and Postfix's posttls-finger as a second opinion on the same records. Where the two differ, docs/decisions/dane.md
// says why.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/lab/tlsa.hpp"
#include "tests/scenario/support/judge.hpp"
#include "tests/scenario/support/peer.hpp"

using namespace scenario;

namespace {

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// The zone dane.test, signed, served and validated by unbound at an address of this process alone, port 53: that is
/// where posttls-finger looks.
class SignedZone {
 public:
  explicit SignedZone(World& world) : world_(world) {
    const auto id = static_cast<unsigned>(::getpid());
    address_ = "127.53." + std::to_string(id / 250 % 250) + '.' + std::to_string(1 + id % 250);
    add("@ SOA ns hostmaster 1 3600 600 86400 60");
    add("@ NS ns");
    add("ns A " + address_);
  }

  void add(const std::string& line) { zone_ += line + '\n'; }
  void host(const lab::MxHost& host, const std::vector<std::string>& tlsa) {
    add(host.host() + ". A " + host.address());
    for (const auto& record : tlsa) add(owner(host) + " TLSA " + record);
  }
  std::string owner(const lab::MxHost& host) const {
    return '_' + std::to_string(host.port()) + "._tcp." + host.host() + '.';
  }
  /// The signature over these records will not hold.
  void spoil(const std::string& name) { spoiled_.push_back(name); }

  void serve() {
    const auto& folder = directory_.path();
    directory_.write("zone", "$ORIGIN dane.test.\n$TTL 60\n" + zone_);
    const auto made =
        lab::run_program({"/usr/bin/ldns-keygen", "-r", "/dev/urandom", "-a", "ECDSAP256SHA256", "-k", "dane.test"},
                         folder, std::chrono::seconds(60));
    const auto key = made.out.substr(0, made.out.find('\n'));
    const auto signer =
        lab::run_program({"/usr/bin/ldns-signzone", "-o", "dane.test", "zone", key}, folder, std::chrono::seconds(60));
    INFO(made.err << signer.out << signer.err);
    REQUIRE(signer.status == 0);
    spoil_signatures(folder + "/zone.signed");
    directory_.write(
        "unbound.conf",
        "server:\n interface: " + address_ + "\n port: 53\n do-daemonize: no\n chroot: \"\"\n" +
            " username: \"\"\n directory: \"" + folder + "\"\n pidfile: \"" + folder + "/pid\"\n" +
            " use-syslog: no\n num-threads: 1\n do-ip6: no\n module-config: \"validator iterator\"\n" +
            " do-not-query-localhost: no\n local-zone: \"test.\" nodefault\n" +
            " access-control: 127.0.0.0/8 allow\n trust-anchor-file: \"" + folder + '/' + key +
            ".key\"\nremote-control:\n control-enable: no\nauth-zone:\n name: \"dane.test\"\n zonefile: \"" + folder +
            "/zone.signed\"\n for-upstream: yes\n for-downstream: no\n fallback-enabled: no\n");
    unbound_ = std::make_unique<lab::ChildProcess>(
        std::vector<std::string>{"/usr/sbin/unbound", "-d", "-c", folder + "/unbound.conf"}, folder);
    until(
        world_, [&] { return std::filesystem::exists(folder + "/pid") || unbound_->ended(); }, "unbound listens");
    REQUIRE_FALSE(unbound_->ended());
    world_.relay.options().tables["dns"]["servers"] = "[" + lab::toml(address_ + ":53") + "]";
    world_.relay.write_configuration();
    world_.relay.start();
  }

  /// What posttls-finger says of a host at level `dane`.
  std::string second_opinion(const lab::MxHost& host) {
    directory_.write("resolv.conf", "nameserver " + address_ + "\n");
    directory_.write("main.cf", "compatibility_level = 3.6\n");
    directory_.write("master.cf", "");
    const auto& folder = directory_.path();
    const auto asked = lab::run_program(
        {"/usr/bin/unshare", "-m", "/bin/sh", "-c",
         "mount --bind " + folder + "/resolv.conf /etc/resolv.conf && MAIL_CONFIG=" + folder +
             " exec /usr/sbin/posttls-finger -c -l dane -o dnssec_probe= -o inet_protocols=ipv4 -T 20 -t 20 "
             "'[" +
             host.host() + "]:" + std::to_string(host.port()) + "'"},
        folder, std::chrono::seconds(60));
    return asked.out + asked.err;
  }

 private:
  void spoil_signatures(const std::string& file) const {
    std::istringstream lines(read_file(file));
    std::ofstream out(file);
    for (std::string line; std::getline(lines, line);) {
      for (const auto& name : spoiled_) {
        if (!line.starts_with(name) || line.find("RRSIG\tTLSA") == std::string::npos) continue;
        line.replace(line.rfind(' ') + 1, 8, "AAAAAAAA");
      }
      out << line << '\n';
    }
  }

  World& world_;
  OpenDirectory directory_;
  std::string address_, zone_;
  std::vector<std::string> spoiled_;
  std::unique_ptr<lab::ChildProcess> unbound_;
};

bool installed() {
  for (const char* program : {"/usr/sbin/unbound", "/usr/bin/ldns-signzone", "/usr/sbin/posttls-finger"}) {
    if (std::filesystem::exists(program)) continue;
    WARN("skipped: " << program << " is not installed; tests/install tests installs it");
    return false;
  }
  return true;
}

struct Row {
  const char* what;
  lab::Certificate shown;
  std::vector<std::string> records;
  bool served, verified;
};

}  // namespace

TEST_CASE("DANE by a signed zone unbound and a trust anchor; Postfix agrees row by row",
          "[scenario][DANE-02][DANE-04][DANE-05][DANE-07][DANE-08][DANE-12][DANE-21][DANE-22]") {
  if (!installed()) return;
  World world({.dnssec = "on"}, false);
  auto& ca = world.lab.ca();
  auto& other = world.lab.other_ca();
  SignedZone zone(world);
  const auto name = [](std::size_t row) { return "r" + std::to_string(row) + ".dane.test"; };
  const auto nobody = [&] { return ca.issue({"nobody.test"}, {.self_signed = true}); };
  const auto anchored = [&](const std::string& host) { return other.issue({host}, {.appended = {other.root()}}); };
  const auto ta = [&](int selector, int matching) { return lab::tlsa(other.root(), 2, selector, matching); };
  const auto wrong = [&](int matching) { return lab::tlsa(ca.issue({"x.test"}).x509, 3, 1, matching); };

  std::vector<Row> rows;
  const auto add = [&](const char* what, lab::Certificate shown, std::vector<std::string> records, bool served,
                       bool verified) {
    rows.push_back({what, std::move(shown), std::move(records), served, verified});
  };
  auto one = nobody();
  add("3 1 1", one, {lab::tlsa(one.x509, 3, 1, 1)}, true, true);
  one = nobody();
  add("3 0 2", one, {lab::tlsa(one.x509, 3, 0, 2)}, true, true);
  one = ca.issue({"nobody.test"}, {.days_from = -9, .days_to = -1});
  add("3 1 1, expired", one, {lab::tlsa(one.x509, 3, 1, 1)}, true, true);
  add("3 1 1 of another key", ca.issue({name(3)}), {wrong(1)}, false, false);
  one = nobody();
  add("old and new key", one, {wrong(1), lab::tlsa(one.x509, 3, 1, 1)}, true, true);
  one = nobody();
  add("a stronger digest that does not match", one, {wrong(2), lab::tlsa(one.x509, 3, 1, 1)}, false, false);
  one = nobody();
  add("malformed beside good", one, {"3 1 1 abcd", lab::tlsa(one.x509, 3, 1, 1)}, true, true);
  add("2 1 1", anchored(name(7)), {ta(1, 1)}, true, true);
  add("2 0 1, another name", anchored("x.test"), {ta(0, 1)}, false, false);
  add("2 0 1, the anchor is not shown", other.issue({name(9)}), {ta(0, 1)}, false, false);
  add("2 1 1, expired", other.issue({name(10)}, {.days_from = -9, .days_to = -1, .appended = {other.root()}}),
      {ta(1, 1)}, false, false);
  one = nobody();
  add("usage 1 alone", one, {lab::tlsa(one.x509, 1, 1, 1)}, true, false);
  add("no record", nobody(), {}, true, false);
  one = nobody();
  add("bogus", one, {lab::tlsa(one.x509, 3, 1, 1)}, false, false);

  std::vector<lab::MxHost*> hosts;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    hosts.push_back(&world.lab.mx(name(i), {.certificate = rows[i].shown.path}));
    zone.host(*hosts[i], rows[i].records);
  }
  zone.spoil(zone.owner(*hosts.back()));
  zone.serve();

  for (std::size_t i = 0; i < rows.size(); ++i) {
    INFO("row " << i << ": " << rows[i].what);
    const auto outcome = world.relay.mail("b@" + name(i));
    CHECK(outcome.fate() == (rows[i].served ? Fate::delivered : Fate::deferred));
    const auto line = delivery_record(world, name(i));
    CHECK((line["proof"] == "dane") == rows[i].verified);
    const auto opinion = zone.second_opinion(*hosts[i]);
    INFO(opinion);
    CHECK((opinion.find("Verified TLS connection established") != std::string::npos) == rows[i].verified);
  }
  CHECK(delivery_record(world, name(rows.size() - 1))["enhanced"] == "4.4.3");
}
