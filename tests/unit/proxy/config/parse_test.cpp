// The configuration as a whole: every default, every value, every fault at its line.
#include <algorithm>
#include <catch2/catch.hpp>

#include "proxy/config/config.hpp"

using namespace proxy;
using namespace std::chrono_literals;
using policy::Security;

namespace {

LoadedConfig parse(std::string_view text) {
  return parse_config(text, "relay.toml", "/etc/relay", false);
}

std::string all_messages(const LoadedConfig& loaded) {
  std::string text;
  for (const auto& error : loaded.errors) text += message(error) + '\n';
  for (const auto& warning : loaded.warnings) text += "warning: " + warning + '\n';
  return text;
}

bool warned(const LoadedConfig& loaded, std::string_view words) {
  return std::any_of(loaded.warnings.begin(), loaded.warnings.end(),
                     [&](const auto& warning) { return warning.find(words) != std::string::npos; });
}

Config good(std::string_view text) {
  const auto loaded = parse(text);
  INFO(all_messages(loaded));
  REQUIRE(loaded.errors.empty());
  return loaded.config;
}

}  // namespace

TEST_CASE("an empty configuration has every default and listens on loopback for loopback alone", "[OPS-01][OPS-15]") {
  const auto config = good("");
  CHECK(config.hostname.empty());
  CHECK(config.state_dir == "/var/lib/sts-relay");
  CHECK(config.workers == 0);
  CHECK(config.drain == 30s);
  CHECK_FALSE(config.postmaster);
  REQUIRE(config.listeners.size() == 1);
  const auto& listener = config.listeners[0];
  CHECK(listener.address.address == "127.0.0.1");
  CHECK(listener.address.port == 2525);
  CHECK(listener.security == Security::may);
  CHECK(listener.bare_newline == smtp::BareNewline::reject);
  REQUIRE(listener.allow.size() == 2);
  CHECK(listener.allow[0].contains({127, 1, 2, 3}));
  CHECK_FALSE(listener.allow[0].contains({10, 1, 2, 3}));
  CHECK(listener.allow[1].contains({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
  CHECK(config.limits.message_size == 50U << 20);
  CHECK(config.limits.connections == 10000);
  CHECK(config.limits.connections_per_client == 5000);
  CHECK(config.limits.recipients == 1000);
  CHECK(config.limits.client_timeout == 5min);
  CHECK(config.dns.servers.empty());
  CHECK(config.dns.dnssec == Config::Dns::Dnssec::automatic);
  CHECK(config.trust_anchors.empty());
  CHECK(config.mta_sts.fetch_timeout == 60s);
  CHECK(config.mta_sts.retry_after == 5min);
  CHECK(config.mta_sts.refresh_every == 24h);
  CHECK(config.mta_sts.lookup_grace == 1h);
  CHECK(config.mta_sts.memory == 64U << 20);
  CHECK(config.delivery.security == Security::may);
  CHECK(config.delivery.connect_timeout == 10s);
  CHECK(config.delivery.rcpt_budget == 120s);
  CHECK(config.delivery.remember == policy::memory::Remember::warn);
  CHECK(config.delivery.believe_after == 72h);
  CHECK(config.delivery.connections_per_host == 500);
  CHECK(config.destinations.empty());
  CHECK_FALSE(config.log.json);
  CHECK(config.log.level == Config::Log::Level::info);
  CHECK_FALSE(config.metrics.address);
  CHECK_FALSE(config.lab.set);
  CHECK(config.lab.smtp_port == 25);
  CHECK(config.lab.https_port == 443);
  CHECK_FALSE(config.lab.allow_loopback);
}

TEST_CASE("every setting of the contract is taken", "[OPS-15]") {
  const auto loaded = parse(R"(
hostname = "Relay.Example.net."
state_dir = "state"
workers = 3
drain = "5s"
postmaster = "admin@example.net"
own_names = ["mail.example.net"]
[[listener]]
address = "[::1]:25"
tls = "none"
allow = ["10.0.0.0/8"]
on_defer = "reply"
bare_newline = "normalize"
security = "verify"
tls_required_no = []
[[listener]]
address = "0.0.0.0:25"
allow = ["192.0.2.0/24"]
[limits]
message_size = 1048576
connections = 7
connections_per_client = 6
recipients = 5
client_timeout = "90s"
[dns]
servers = ["[::1]:53", "127.0.0.1:5300"]
dnssec = "off"
[tls]
trust_anchors = "ca.pem"
[mta_sts]
fetch_timeout = "3s"
retry_after = "1s"
refresh_every = "1h"
lookup_grace = "2s"
memory = "1MiB"
preload = "preload.d"
enabled = false
[delivery]
security = "encrypt"
connect_timeout = "1s"
rcpt_budget = "4s"
remember = "enforce"
believe_after = "1d"
connections_per_host = 9
[log]
format = "json"
level = "debug"
[lab]
smtp_port = 2526
https_port = 8443
allow_loopback = true
)");
  INFO(all_messages(loaded));
  REQUIRE(loaded.errors.empty());
  const auto& config = loaded.config;
  CHECK(config.hostname == "relay.example.net");
  CHECK(config.state_dir == "/etc/relay/state");
  CHECK(config.workers == 3);
  CHECK(config.drain == 5s);
  CHECK(config.postmaster == "admin@example.net");
  CHECK(config.own_names == std::vector<std::string>{"mail.example.net"});
  REQUIRE(config.listeners.size() == 2);
  CHECK(config.listeners[0].address.address == "::1");
  CHECK(config.listeners[0].line == 8);
  CHECK(config.listeners[0].bare_newline == smtp::BareNewline::normalize);
  CHECK(config.listeners[0].security == Security::verify);
  REQUIRE(config.listeners[0].allow.size() == 1);
  CHECK(config.listeners[1].address.address == "0.0.0.0");
  CHECK(config.limits.message_size == 1048576);
  CHECK(config.limits.connections == 7);
  CHECK(config.limits.connections_per_client == 6);
  CHECK(config.limits.recipients == 5);
  CHECK(config.limits.client_timeout == 90s);
  REQUIRE(config.dns.servers.size() == 2);
  CHECK(config.dns.servers[0].address == "::1");
  CHECK(config.dns.servers[1].port == 5300);
  CHECK(config.dns.dnssec == Config::Dns::Dnssec::off);
  CHECK(config.trust_anchors == "/etc/relay/ca.pem");
  CHECK(config.mta_sts.fetch_timeout == 3s);
  CHECK(config.mta_sts.retry_after == 1s);
  CHECK(config.mta_sts.refresh_every == 1h);
  CHECK(config.mta_sts.preload == "/etc/relay/preload.d");
  CHECK_FALSE(config.mta_sts.enabled);
  CHECK(config.mta_sts.lookup_grace == 2s);
  CHECK(config.mta_sts.memory == 1U << 20);
  CHECK(config.delivery.security == Security::encrypt);
  CHECK(config.delivery.connect_timeout == 1s);
  CHECK(config.delivery.rcpt_budget == 4s);
  CHECK(config.delivery.remember == policy::memory::Remember::enforce);
  CHECK(config.delivery.believe_after == 24h);
  CHECK(config.delivery.connections_per_host == 9);
  CHECK(config.log.json);
  CHECK(config.log.level == Config::Log::Level::debug);
  CHECK(config.lab.set);
  CHECK(config.lab.smtp_port == 2526);
  CHECK(config.lab.https_port == 8443);
  CHECK(config.lab.allow_loopback);
  CHECK(warned(loaded, "relay.toml:48: the [lab] table is set"));
}

TEST_CASE("each fault is told at its line with what was expected", "[OPS-15]") {
  struct Case {
    const char* text;
    int line;
    const char* words;
  };
  const Case cases[] = {
      {"hostnam = \"a.test\"", 1, "unknown key `hostnam` before the first table, did you mean `hostname`?"},
      {"\n[mta_stz]\nretry_after = \"5m\"", 2, "unknown table `mta_stz`, did you mean `mta_sts`?"},
      {"[[destinaton]]\ndomain = \"a.test\"", 1, "did you mean `destination`?"},
      {"[mta_sts]\nfetch_timout = \"3s\"", 2, "in [mta_sts], did you mean `fetch_timeout`?"},
      {"[limits]\nfrobnicate = 1", 2,
       "expected message_size, connections, connections_per_client, recipients, client_timeout, min_data_rate"},
      {"[[listener]]\nallo = []", 2, "in [[listener]], did you mean `allow`?"},
      {"[[destination]]\ndomain = \"x.test\"\nsecurty = \"verify\"", 3, "did you mean `security`?"},
      {"hostname = 5", 1, "`hostname` is an integer, expected a string"},
      {"hostname = \"-bad-\"", 1, "`hostname`: `-bad-` is no domain name"},
      {"hostname = \"192.0.2.1\"", 1, "is no domain name"},
      {"hostname = \"b\u00fccher.test\"", 1, "xn--"},
      {"workers = -1", 1, "-1 is out of range, expected a whole number from 0 to 256"},
      {"workers = 1.5", 1, "expected a whole number"},
      {"drain = 30", 1, "expected a duration"},
      {"drain = \"2h\"", 1, "out of range, expected 0ms to 1h"},
      {"postmaster = \"nobody\"", 1, "no mail address"},
      {"own_names = \"a.test\"", 1, "an array of strings"},
      {"own_names = [\"a.test\", \"b..test\"]", 1, "`b..test` is no domain name"},
      {"state_dir = \"\"", 1, "no directory name"},
      {"[dns]\ndnssec = \"maybe\"", 2, "`maybe` is not known, expected one of \"auto\", \"on\", \"off\""},
      {"[dns]\ndnssec = \"trusted\"", 2, "is not known"},
      {"[dns]\nservers = 5", 2, "`servers` is an integer, expected an array"},
      {"[dns]\nservers = []", 2, "`servers` is empty"},
      {"[dns]\nservers = [\n\"127.0.0.1:53\",\n\"127.0.0.1\"]", 4, "no address with a port"},
      {"[dns]\nservers = [\"127.0.0.1:0\"]", 2, "no address with a port"},
      {"[dns]\ndnssec = \"off\"\ndnssec = \"off\"", 3, "not TOML"},
      {"[delivery\nsecurity = \"may\"", 1, "not TOML"},
      {"[[\x7f]]", 1, "not TOML"},
      {"workers = 1\n\xc4\xbftate = 1", 2, "not TOML"},
      {"[mta_sts]\nretry_after = \"5 parsecs\"", 2, "`5 parsecs` is no duration"},
      {"[mta_sts]\nretry_after = \"-5m\"", 2, "is no duration"},
      {"[mta_sts]\nretry_after = \"0s\"", 2, "out of range"},
      {"[limits]\nmessage_size = \"50 elephants\"", 2, "is no size"},
      {"[limits]\nmessage_size = -1", 2, "`-1` is no size"},
      {"[limits]\nmessage_size = true", 2, "expected a size"},
      {"[limits]\nmessage_size = 10", 2, "too small"},
      {"[delivery]\nsecurity = \"always\"", 2, "expected one of \"may\", \"encrypt\", \"verify\""},
      {"[delivery]\nsecurity = \"published\"", 2, "is not known"},
      {"[lab]\nhttps_port = 99999", 2, "out of range"},
      {"[lab]\nallow_loopback = \"true\"", 2, "expected true or false"},
      {"[log]\nformat = \"xml\"", 2, "expected one of \"text\", \"json\""},
      {"[queue]\nretry = []", 2, "`retry` is empty"},
      {"[queue]\nretry = [\"5m\", \"x\"]", 2, "`x` is no duration"},
      {"[queue]\nlifetime = \"5 days\"", 2, "is no duration"},
      {"limits = 5", 1, "expected a table: [limits]"},
      {"[listener]\naddress = \"127.0.0.1:0\"", 1, "expected [[listener]]"},
      {"[[listener]]\naddress = \"127.0.0.1\"", 2, "no address with a port"},
      {"[[listener]]\ntls = \"sometimes\"", 2, "is not known"},
      {"[[listener]]\ntls = \"starttls\"\nkey = \"relay.key\"", 2, "TLS without `certificate`"},
      {"[[listener]]\ntls = \"implicit\"\ncertificate = \"relay.pem\"", 2, "TLS without `key`"},
      {"[[listener]]\non_defer = \"store\"", 2, "expected one of \"reply\", \"queue\""},
      {"[[listener]]\nauth_users = \"users.toml\"", 2, "AUTH is served over TLS only"},
      {"[[listener]]\nallow_keys = [\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"]", 2,
       "only TLS shows a certificate"},
      {"[[destination]]\ndomain = \"a.test\"\nhost = \"b.test\"\npinned_keys = [\"ab\"]", 4,
       "expected 64 hexadecimal digits"},
      {"[[listener]]\ndevices = [\"everything\"]", 2, "expected some of \"all\", \"old_tls\", \"bare_newlines\""},
      {"[[listener]]\nproxy_protocol = [\"balancer.test\"]", 2, "expected one such as"},
      {"[[destination]]\ndomain = \"a.test\"\nuser = \"u\"\npassword_file = \"p\"", 3, "`user` without `host`"},
      {"[[destination]]\ndomain = \"a.test\"\nhost = \"b.test\"\nuser = \"u\"", 4, "belong together"},
      {"[[destination]]\ndomain = \"a.test\"\nhost = \"b.test\"\nmechanisms = [\"plain\"]", 4, "without `user`"},
      {"[[destination]]\ndomain = \"a.test\"\nhost = \"b.test\"\nuser = \"u\"\npassword_file = \"p\"\n"
       "mechanisms = [\"cram-md5\"]",
       6, "scram-sha-256"},
      {"[[destination]]\ndomain = \"a.test\"\nhost = [\"b.test\", \"b.test\"]", 3, "is there twice"},
      {"[[destination]]\ndomain = \"a.test\"\nhost = [\"b.test\", \"c.test\"]\nsecurity = \"published\"", 4,
       "expected one host"},
      {"[[destination]]\ndomain = \"a.test\"\npinned_keys = "
       "[\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"]",
       3, "`pinned_keys` without `host`"},
      {"[[destination]]\ndomain = \"a.test\"\ntrust_anchors = \"ca.pem\"", 3, "`trust_anchors` without `host`"},
      {"[[listener]]\ntls_required_no = [\"everyone\"]", 2, "expected one such as"},
      {"[[listener]]\nallow = [\"127.0.0.0/80\"]", 2, "has a prefix that is not 0 to 32"},
      {"[[listener]]\nallow = []", 2, "nobody could relay"},
      {"[[listener]]\n[[listener]]\naddress = \"127.0.0.1:2525\"", 3, "the listener of line 1 has the same address"},
      {"[[destination]]\nhost = \"a.test\"", 1, "without `domain`"},
      {"[[destination]]\ndomain = \"a..b\"", 2, "is no domain name"},
      {"[[destination]]\ndomain = \"x.test\"\nexempt = true", 3, "`exempt` without `reason`"},
      {"[[destination]]\ndomain = \"x.test\"\nexempt = true\nreason = \" \"", 3, "`exempt` without `reason`"},
      {"[[destination]]\ndomain = \"x.test\"\nport = 587", 3, "`port` without `host`"},
      {"[[destination]]\ndomain = \"x.test\"\ntls = \"implicit\"", 3, "`tls` without `host`"},
      {"[[destination]]\ndomain = \"x.test\"\nhost = \"a b\"", 3, "is no host"},
      {"[[destination]]\ndomain = \"x.test\"\nhost = \"192.0.2.1\"", 3, "no certificate is verified for"},
      {"[[destination]]\ndomain = \"x.test\"\nhost = \"192.0.2.1\"\nsecurity = \"published\"", 4, "publishes nothing"},
      {"[[destination]]\ndomain = \"x.test\"\nsecurity = \"strict\"", 3, "\"published\""},
  };
  for (const auto& [text, line, words] : cases) {
    const auto loaded = parse(text);
    INFO(text << "\n" << all_messages(loaded));
    REQUIRE(loaded.errors.size() == 1);
    CHECK(loaded.errors[0].line == line);
    CHECK(loaded.errors[0].words.find(words) != std::string::npos);
    CHECK(message(loaded.errors[0]).starts_with("relay.toml:" + std::to_string(line) + ": "));
  }
}

TEST_CASE("every fault of a file is told at once and in the order of its lines", "[OPS-15]") {
  const auto loaded =
      parse("workers = \"x\"\n[log]\nlevl = \"info\"\n[[listener]]\naddress = \"0.0.0.0:25\"\n[dns]\ndnssec = 1\n");
  INFO(all_messages(loaded));
  REQUIRE(loaded.errors.size() == 4);
  CHECK(loaded.errors[0].line == 1);
  CHECK(loaded.errors[1].line == 3);
  CHECK(loaded.errors[2].line == 5);
  CHECK(loaded.errors[3].line == 7);
}

TEST_CASE("a listener that others can reach must say who may relay", "[OPS-01]") {
  for (const char* address : {"0.0.0.0:25", "192.0.2.1:25", "[::]:25", "[2001:db8::1]:0"}) {
    const auto loaded = parse(std::string("[[listener]]\naddress = \"") + address + '"');
    INFO(address);
    REQUIRE(loaded.errors.size() == 1);
    CHECK(loaded.errors[0].line == 2);
    CHECK(loaded.errors[0].words.find("needs `allow`") != std::string::npos);
  }
  for (const char* address : {"127.0.0.1:25", "127.9.9.9:25", "[::1]:25", "[::ffff:127.0.0.1]:25"}) {
    INFO(address);
    CHECK(parse(std::string("[[listener]]\naddress = \"") + address + '"').errors.empty());
  }
  CHECK(warned(parse("[[listener]]\naddress = \"0.0.0.0:25\"\nallow = [\"0.0.0.0/0\"]"),
               "everyone who reaches this listener may relay"));
}

TEST_CASE("settings without effect are warned about", "[OPS-15]") {
  CHECK(parse("[queue]\nretry = [\"5m\"]").warnings.empty());
  CHECK(warned(parse("[[listener]]\npatience = \"30s\""), "`patience` has no effect"));
  CHECK(warned(parse("[[listener]]\ncertificate = \"relay.pem\""), "no effect with tls = \"none\""));
  CHECK(warned(parse("[[destination]]\ndomain = \"*\"\n[[destination]]\ndomain = \"x.test\"\n"),
               "relay.toml:3: this [[destination]] is never used"));
  CHECK(
      warned(parse("[[destination]]\ndomain = \"x.test\"\nsubdomains = true\n[[destination]]\ndomain = \"a.x.test\"\n"),
             "relay.toml:4:"));
  CHECK(parse("[[destination]]\ndomain = \"x.test\"\n[[destination]]\ndomain = \"a.x.test\"\n").warnings.empty());
}

TEST_CASE("the first destination that matches gives the route", "[config]") {
  auto config = good(R"(
[[destination]]
domain = "a.corp.test"
host = "first.test"
[[destination]]
domain = "corp.test"
subdomains = true
host = "second.test"
port = 587
security = "may"
[[destination]]
domain = "implicit.test"
host = "third.test"
tls = "implicit"
[[destination]]
domain = "free.test"
exempt = true
reason = "ticket 4711"
[[destination]]
domain = "floor.test"
security = "verify"
[lab]
smtp_port = 2526
)");
  const auto first = route_for(config, "a.corp.test");
  CHECK(first.host == "first.test");
  CHECK(first.port == 25);
  CHECK(first.security == Security::verify);
  CHECK(first.configured_at == "relay.toml:2");
  const auto second = route_for(config, "b.a.corp.test");
  CHECK(second.host == "second.test");
  CHECK(second.port == 587);
  CHECK(second.security == Security::may);
  CHECK(route_for(config, "corp.test").host == "second.test");
  CHECK(route_for(config, "notcorp.test").host.empty());
  const auto third = route_for(config, "implicit.test");
  CHECK(third.implicit_tls);
  CHECK(third.port == 465);
  CHECK(route_for(config, "sub.implicit.test").host.empty());
  const auto exempt = route_for(config, "free.test");
  CHECK(exempt.exempt);
  CHECK(exempt.reason == "ticket 4711");
  CHECK(exempt.port == 2526);
  CHECK(exempt.security == Security::published);
  CHECK(route_for(config, "floor.test").security == Security::verify);
  const auto other = route_for(config, "other.test");
  CHECK(other.security == Security::published);
  CHECK(other.port == 2526);
  CHECK(other.configured_at.empty());
}

TEST_CASE("a destination for all domains matches what no other did", "[config]") {
  const auto config = good(
      "[[destination]]\ndomain = \"free.test\"\nsecurity = \"may\"\n[[destination]]\ndomain = \"*\"\nhost = "
      "\"192.0.2.1\"\nsecurity = \"encrypt\"\n");
  CHECK(route_for(config, "free.test").host.empty());
  CHECK(route_for(config, "x.test").host == "192.0.2.1");
  CHECK(route_for(config, "[192.0.2.7]").host == "192.0.2.1");
}

TEST_CASE("metrics are read at an address of their own and one that is not on loopback is warned of", "[OPS-06]") {
  const auto local = parse("[metrics]\naddress = \"127.0.0.1:9150\"");
  CHECK(local.errors.empty());
  CHECK(local.warnings.empty());
  CHECK(local.config.metrics.address == HostPort{"127.0.0.1", 9150});
  CHECK(good("[metrics]\naddress = \"[::1]:0\"").metrics.address == HostPort{"::1", 0});
  const auto open = parse("[metrics]\naddress = \"0.0.0.0:9150\"");
  CHECK(open.errors.empty());
  CHECK(warned(open, "relay.toml:2: [metrics] `address` is not on loopback"));
  for (const char* wrong : {"\"9150\"", "\"localhost:9150\"", "9150", "\"127.0.0.1:2525\""}) {
    INFO(wrong);
    const auto refused = parse("[metrics]\naddress = " + std::string(wrong));
    REQUIRE(refused.errors.size() == 1);
    CHECK(refused.errors[0].line == 2);
  }
}
