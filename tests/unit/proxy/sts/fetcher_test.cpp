// The policy fetch against the laboratory's policy host, and against servers that speak raw octets.
#include "tests/unit/proxy/sts/fetcher_fixture.hpp"

TEST_CASE("a policy is fetched with one plain GET", "[STS-08][STS-11][STS-58][STS-42]") {
  World world;
  world.resolver.answers[{host, dns::Type::a}].alias = true;
  world.resolver.answers[{host, dns::Type::a}].canonical = "policies.hoster.test";
  const auto fetched = world.fetch();
  CHECK(fetched.why.empty());
  REQUIRE(fetched.result == Result::valid);
  CHECK(fetched.body == body);
  CHECK(fetched.policy.mode == policy::sts::Mode::enforce);
  CHECK(fetched.policy.mx == std::vector<std::string>{"mx1.good.test"});
  CHECK(fetched.policy.max_age == 86400);
  CHECK(world.resolver.asked == std::vector<std::string>{host, host});

  REQUIRE(world.web.requests().size() == 1);
  const auto request = world.web.requests().at(0);
  CHECK(request.line == "GET /.well-known/mta-sts.txt HTTP/1.1");
  CHECK(request.server_name == host);
  CHECK(request.tls == "TLSv1.3");
  const std::map<std::string, std::string> headers{
      {"host", host + ":" + std::to_string(world.web.port())}, {"user-agent", "sts-relay"}, {"connection", "close"}};
  CHECK(request.headers == headers);  // no condition, no coding, no range
}

TEST_CASE("a trailing dot of the domain goes nowhere", "[F-2][STS-08]") {
  World world;
  CHECK(world.fetch("Good.TEST.").result == Result::valid);
  REQUIRE(world.web.requests().size() == 1);
  CHECK(world.web.requests().at(0).server_name == host);
  CHECK(world.web.requests().at(0).headers.at("host") == host + ":" + std::to_string(world.web.port()));
}

TEST_CASE("nothing of an answer is kept for the next fetch", "[STS-11]") {
  World world;
  world.site({.headers = {"Cache-Control: max-age=86400", "ETag: \"x\"", "Expires: Thu, 01 Jan 2099 00:00:00 GMT",
                          "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT"}});
  CHECK(world.fetch().result == Result::valid);
  CHECK(world.fetch().result == Result::valid);
  REQUIRE(world.web.requests().size() == 2);
  CHECK(world.web.requests().at(0).headers == world.web.requests().at(1).headers);
}

TEST_CASE("a name that can be no host is not even looked up", "[STS-08]") {
  World world;
  CHECK(world.fetch("bad domain").result == Result::unreachable);
  CHECK(world.fetch(std::string(250, 'a')).result == Result::unreachable);
  CHECK(world.resolver.asked.empty());
}

TEST_CASE("the certificate table of a policy host", "[STS-09][STS-58]") {
  struct Row {
    std::string name;
    lab::Certificate certificate;
    std::string words;
  };
  World world;
  auto& ca = world.ca;
  const std::vector<Row> rows{
      {"wildcard for its label", ca.issue({"*.good.test"}), ""},
      {"two intermediates", ca.issue({host}, {.intermediates = 2}), ""},
      {"wrong name", ca.issue({"other.test"}), "certificate is for other.test, not " + host},
      {"policy domain", ca.issue({domain}), "certificate is for good.test, not " + host},
      {"target of the alias", ca.issue({"policies.hoster.test"}),
       "certificate is for policies.hoster.test, not " + host},
      {"wildcard for two labels", ca.issue({"*.test"}), "certificate is for *.test, not " + host},
      {"partial wildcard", ca.issue({"mta*.good.test"}), "certificate is for mta*.good.test, not " + host},
      {"common name only", ca.issue({}, {.common_name = host}), "certificate has no DNS name, not for " + host},
      {"expired", ca.issue({host}, {.days_from = -30, .days_to = -1}), "certificate expired "},
      {"not yet valid", ca.issue({host}, {.days_from = 1, .days_to = 30}), "certificate not valid before "},
      {"self-signed", ca.issue({host}, {.self_signed = true}), "self-signed certificate"},
      {"unknown authority", world.other_ca.issue({host}), "issuer not trusted"},
      {"intermediate left out", ca.issue({host}, {.intermediates = 1, .leave_out_intermediates = true}),
       "issuer not trusted"},
      {"weak key", ca.issue({host}, {.rsa_bits = 1024}), "key too weak"},
      {"for clients", ca.issue({host}, {.extended_key_usage = "clientAuth"}), "certificate is not for servers"},
  };
  for (const auto& row : rows) {
    INFO(row.name);
    world.site({.certificate = row.certificate.path});
    const auto before = world.web.requests().size();
    const auto fetched = world.fetch();
    INFO(fetched.why);
    if (row.words.empty()) {
      CHECK(fetched.result == Result::valid);
    } else {
      CHECK(fetched.result == Result::certificate);
      CHECK(fetched.why.find(host + ": 127.0.0.1: " + row.words) == 0);
      CHECK(world.web.requests().size() == before);  // nothing is asked of a stranger
    }
  }
}

TEST_CASE("a policy host that shows a cross-signed root that has expired is trusted all the same", "[X-1][STS-09]") {
  World world;
  const lab::Authority old(world.directory.path(), "Old Root", {.days_from = -3650, .days_to = -30});
  world.site(
      {.certificate =
           world.ca.issue({host}, {.intermediates = 1, .appended = {world.ca.cross_signed_by(old), old.root()}}).path});
  CHECK(world.fetch().result == Result::valid);
}

TEST_CASE("a policy host limited to TLS 1.1 is not spoken to", "[STS-42]") {
  World world;
  world.web.limit(TLS1_1_VERSION);
  world.site({});
  const auto fetched = world.fetch();
  CHECK(fetched.result == Result::unreachable);
  CHECK(fetched.why.find("TLS handshake failed") != std::string::npos);
  CHECK(world.web.requests().empty());
}

TEST_CASE("trust anchors that were reloaded count from the next fetch on", "[STS-09]") {
  World world;
  CHECK(world.fetch().result == Result::valid);
  world.contexts = std::make_shared<TlsContexts>(world.other_ca.path(), 2);
  CHECK(world.fetch().result == Result::certificate);
}

TEST_CASE("every status but 200 is a failed fetch and no redirect is followed", "[STS-10]") {
  World world;
  for (const std::string status :
       {"201 Created", "204 No Content", "206 Partial Content", "301 Moved Permanently", "302 Found", "303 See Other",
        "304 Not Modified", "307 Temporary Redirect", "308 Permanent Redirect", "404 Not Found",
        "429 Too Many Requests", "500 Internal Server Error", "503 Busy"}) {
    INFO(status);
    const auto before = world.web.requests().size();
    world.site({.status = status, .headers = {"Location: https://" + host + "/elsewhere"}});
    const auto fetched = world.fetch();
    CHECK(fetched.result == Result::status);
    CHECK(fetched.why == host + ": HTTP status " + status.substr(0, 3));
    CHECK(world.web.requests().size() == before + 1);
  }
}

TEST_CASE("interim answers are passed over and no more than a few", "[STS-10]") {
  World world;
  const std::string final = with_length("", body.size()) + body,
                    interim = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
  {
    const RawServer server(world, interim + "HTTP/1.1 100 Continue\r\n\r\n" + final, true);
    CHECK(world.fetch().result == Result::valid);
  }
  std::string many;
  for (int i = 0; i < 50; ++i) many += interim;
  const RawServer server(world, many + final, true);
  CHECK(world.fetch().result == Result::status);
}

TEST_CASE("the media type is text/plain and nothing else", "[STS-12][F-3]") {
  World world;
  struct Row {
    std::string type;
    bool taken;
  };
  for (const auto& row : std::vector<Row>{{"text/plain", true},
                                          {"Text/PLAIN", true},
                                          {"text/plain; charset=utf-8", true},
                                          {"text/plain ;charset=us-ascii", true},
                                          {"text/html", false},
                                          {"text/plainish", false},
                                          {"text/plain, text/html", false},
                                          {"application/octet-stream", false},
                                          {"", false}}) {
    INFO(row.type);
    world.site({.content_type = row.type});
    const auto fetched = world.fetch();
    CHECK(fetched.result == (row.taken ? Result::valid : Result::media_type));
    if (!row.taken && !row.type.empty()) CHECK(fetched.why.find(row.type) != std::string::npos);
  }
}

TEST_CASE("the deadline holds against a server that drips or says nothing", "[STS-13]") {
  World world;
  world.options.timeout = Milliseconds(1500);
  world.site({.behaviour = Behaviour::drip, .drip_pause = std::chrono::milliseconds(100)});
  const auto dripped = world.fetch();
  CHECK(dripped.result == Result::cut_short);
  CHECK(dripped.why == host + ": body cut short: no answer in time");
  world.site({.behaviour = Behaviour::hang});
  const auto silent = world.fetch();
  CHECK(silent.result == Result::unreachable);
  CHECK(silent.why == host + ": 127.0.0.1: no HTTP answer: no answer in time");
}

TEST_CASE("the deadline holds against a server that never shakes hands", "[STS-13]") {
  World world;
  const lab::Server mute("127.0.0.1", 0, [](lab::Channel& channel) { channel.hang(); });
  world.options.timeout = Milliseconds(800);
  world.options.port = mute.port();
  const auto fetched = world.fetch();
  CHECK(fetched.result == Result::unreachable);
  CHECK(fetched.why == host + ": 127.0.0.1: TLS handshake failed: no answer in time");
}

TEST_CASE("the deadline holds against a lookup that never ends", "[STS-13]") {
  World world;
  world.options.timeout = Milliseconds(200);
  world.resolver.answers.clear();
  world.resolver.silent[{host, dns::Type::a}] = world.resolver.silent[{host, dns::Type::aaaa}] = true;
  const auto fetched = world.fetch();
  CHECK(fetched.result == Result::unreachable);
  CHECK(fetched.why == host + ": address lookup: no answer in time");
}

TEST_CASE("one address family that is never answered does not stop the other one", "[STS-63]") {
  World world;
  world.options.timeout = Milliseconds(4000);
  world.resolver.silent[{host, dns::Type::aaaa}] = true;
  CHECK(world.fetch().result == Result::valid);
}

TEST_CASE("a body of 64 KiB is taken and one of an octet more is not", "[STS-14]") {
  World world;
  const auto padded = [](std::size_t size) { return body + "x: " + std::string(size - body.size() - 5, 'y') + "\r\n"; };
  world.site({.body = padded(65536)});
  const auto fetched = world.fetch();
  CHECK(fetched.result != Result::too_large);
  CHECK((fetched.result == Result::valid || fetched.result == Result::invalid_policy));
  for (const auto behaviour : {Behaviour::normal, Behaviour::chunks}) {
    world.site({.body = padded(65537), .behaviour = behaviour});
    CHECK(world.fetch().result == Result::too_large);
  }
}

TEST_CASE("reading stops at endless bodies and chunks and headers", "[STS-14]") {
  World world;
  for (const auto behaviour : {Behaviour::endless, Behaviour::chunked, Behaviour::endless_headers}) {
    world.site({.behaviour = behaviour});
    CHECK(world.fetch().result == Result::too_large);
  }
}

TEST_CASE("headers just below 64 KiB are taken", "[STS-14]") {
  World world;
  std::vector<std::string> headers;
  for (int i = 0; i < 60; ++i) headers.push_back("X-More: " + std::string(1000, 'a'));
  world.site({.headers = headers});
  CHECK(world.fetch().result == Result::valid);
  for (int i = 0; i < 10; ++i) headers.push_back("X-More: " + std::string(1000, 'a'));
  world.site({.headers = headers});
  CHECK(world.fetch().result == Result::too_large);
}

TEST_CASE("endless trailers and chunk extensions are bounded too", "[STS-14]") {
  World world;
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::string trailers = "0\r\n";
  for (int i = 0; i < 300; ++i) trailers += "X-More: " + std::string(1000, 'a') + "\r\n";
  for (const std::string& tail : {trailers, "1;x=" + std::string(300000, 'a')}) {
    const RawServer server(world, head + tail, true);
    CHECK(world.fetch().result == Result::too_large);
  }
}

TEST_CASE("a body cut short is not parsed", "[STS-62]") {
  World world;
  for (const auto behaviour : {Behaviour::brief, Behaviour::chunks_cut, Behaviour::chunks_bad}) {
    world.site({.behaviour = behaviour});
    const auto fetched = world.fetch();
    CHECK(fetched.result == Result::cut_short);
    CHECK(fetched.body.empty());
  }
  world.site({.behaviour = Behaviour::chunks});
  CHECK(world.fetch().result == Result::valid);
}

TEST_CASE("a body that ends with the connection is whole only after the TLS farewell", "[STS-62]") {
  World world;
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + body;
  {
    const RawServer server(world, answer, true);
    CHECK(world.fetch().result == Result::valid);
  }
  {
    const RawServer server(world, answer, false);
    CHECK(world.fetch().result == Result::cut_short);
  }
  // A length that was met needs no farewell.
  const RawServer server(world, with_length("", body.size()) + body, false);
  CHECK(world.fetch().result == Result::valid);
}

TEST_CASE("a body with a coding is a failed fetch", "[STS-62]") {
  World world;
  for (const std::string coding : {"gzip", "br", "identity, gzip", ""}) {
    INFO(coding);
    world.site({.headers = {"Content-Encoding: " + coding}});
    CHECK(world.fetch().result == Result::media_type);
  }
  world.site({.headers = {"Content-Encoding: Identity"}});
  CHECK(world.fetch().result == Result::valid);
  const RawServer server(
      world, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", true);
  CHECK(world.fetch().result == Result::media_type);
}

TEST_CASE("what is no HTTP is a failed fetch", "[STS-10]") {
  World world;
  for (const std::string answer :
       {"220 mx1.good.test ESMTP\r\n", "HTTP/9.9 200 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n"}) {
    const RawServer server(world, answer, true);
    const auto fetched = world.fetch();
    CHECK(fetched.result == Result::status);
    CHECK(fetched.why.find("no valid HTTP answer") != std::string::npos);
  }
  world.options.port = world.web.port();
  world.site({.behaviour = Behaviour::close});
  CHECK(world.fetch().result == Result::unreachable);
}

TEST_CASE("an answer with two lengths is a failed fetch", "[STS-62]") {
  World world;
  const RawServer server(world, with_length("Content-Length: 5\r\n", body.size()) + body, true);
  CHECK(world.fetch().result != Result::valid);
}

TEST_CASE("a policy that breaks the rules is said to be invalid", "[STS-10]") {
  World world;
  world.site({.body = "version: STSv9\r\nmode: enforce\r\nmx: mx1.good.test\r\nmax_age: 86400\r\n"});
  const auto fetched = world.fetch();
  CHECK(fetched.result == Result::invalid_policy);
  CHECK(fetched.why.find(host + ": invalid policy: ") == 0);
}

TEST_CASE("a policy host with an IPv6 address only is fetched from", "[F-1][STS-63]") {
  World world;
  const lab::PolicyHost* const kept = &world.web;
  world.web.listen("::1");
  world.resolver.answers.clear();
  world.resolver.address(dns::Type::aaaa, {"::1"});
  CHECK(world.fetch().result == Result::valid);
  CHECK(kept->connections() == 1);
}

TEST_CASE("a dead address of either family does not fail the fetch", "[F-1][STS-63]") {
  World world;
  SECTION("IPv6 refuses") {
    world.resolver.address(dns::Type::aaaa, {"::1"});
  }
  SECTION("the first IPv4 addresses refuse") {
    world.resolver.address(dns::Type::a, {"127.0.0.3", "127.0.0.4", "127.0.0.1"});
  }
  SECTION("IPv4 refuses") {
    world.web.listen("::1");
    world.resolver.address(dns::Type::a, {"127.0.0.3"});
    world.resolver.address(dns::Type::aaaa, {"::1"});
  }
  CHECK(world.fetch().result == Result::valid);
}

TEST_CASE("an address that accepts and then says nothing has only its share of the time", "[STS-63][STS-13]") {
  World world;
  const lab::Server mute("127.0.0.3", world.web.port(), [](lab::Channel& channel) { channel.hang(); });
  world.resolver.address(dns::Type::a, {"127.0.0.3", "127.0.0.1"});
  world.options.timeout = Milliseconds(4000);
  CHECK(world.fetch().result == Result::valid);
}

TEST_CASE("every address that failed is named", "[STS-63]") {
  World world;
  world.resolver.address(dns::Type::a, {"127.0.0.3", "127.0.0.4"});
  const auto fetched = world.fetch();
  CHECK(fetched.result == Result::unreachable);
  CHECK(fetched.why ==
        host + ": 127.0.0.3: not connected: Connection refused; 127.0.0.4: not connected: Connection refused");
}

TEST_CASE("forbidden addresses of a policy host are not dialled", "[STS-68]") {
  World world;
  world.options.allow_loopback = false;
  for (const std::string address : {"127.0.0.1", "127.9.9.9", "0.0.0.0", "224.0.0.1", "169.254.1.1"}) {
    world.resolver.address(dns::Type::a, {address});
    const auto fetched = world.fetch();
    INFO(fetched.why);
    CHECK(fetched.result == Result::unreachable);
    CHECK(fetched.why.find(host + ": " + address + " is ") == 0);
  }
  world.resolver.answers.clear();
  for (const std::string address : {"::1", "::", "ff02::1", "fe80::1", "::ffff:127.0.0.1"}) {
    world.resolver.address(dns::Type::aaaa, {address});
    CHECK(world.fetch().why.find("not dialled") != std::string::npos);
  }
  CHECK(world.web.connections() == 0);
}

TEST_CASE("lookups that fail and hosts without address are told apart", "[STS-63]") {
  World world;
  world.resolver.answers.clear();
  CHECK(world.fetch().why == host + ": no address");
  dns::Answer failed;
  failed.status = dns::Status::servfail;
  failed.text = "SERVFAIL from 192.0.2.53";
  world.resolver.answers[{host, dns::Type::a}] = failed;
  const auto fetched = world.fetch();
  CHECK(fetched.result == Result::unreachable);
  CHECK(fetched.why == host + ": address lookup: SERVFAIL from 192.0.2.53");
}
