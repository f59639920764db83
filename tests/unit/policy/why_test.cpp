// The rules that decided a plan, each with its source, and what a host would have to change.
#include "policy/why.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/policy/facts_builder.hpp"

using namespace policy;
using namespace policy::test;
using Catch::Contains;
using What = HostOutcome::What;

namespace {

const std::chrono::system_clock::time_point now{std::chrono::seconds(1'795'593'600)};  // 2026-11-25T08:00:00Z

std::vector<Rule> rules_of(const Facts& facts) {
  return rules(facts, decide(facts), {now, "DANE is on: the DNS servers validate"});
}

/// All lines in one text.
std::string why(const Facts& facts) {
  std::string text;
  for (const auto& rule : rules_of(facts)) {
    CHECK_FALSE(rule.words.empty());
    CHECK_FALSE(rule.source.empty());
    text += rule_line(rule) + '\n';
  }
  return text;
}

Facts two(sts::Mode mode) {
  auto all = facts({host("mx1.example.com", 10), host("mx2.example.net", 20)}, mode, {"*.example.com"});
  all.sts.fetched = now - std::chrono::hours(1);
  all.sts.expires = now + std::chrono::hours(24);
  return all;
}

}  // namespace

TEST_CASE("each rule of an enforced policy is told with the lines that it rests on", "[OPS-16][STS-48]") {
  const auto text = why(two(sts::Mode::enforce));
  CHECK_THAT(text,
             Contains("enforce: a host that the policy does not name is not used, and one that it names must show "
                      "a valid certificate for its own name [RFC 8461 §4, §5; policy 20260101 of "
                      "https://mta-sts.example.com/.well-known/mta-sts.txt: mode: enforce; mx: *.example.com; "
                      "max_age: 86400]"));
  CHECK_THAT(text,
             Contains("it was fetched 2026-11-25T07:00:00Z and counts until 2026-11-26T08:00:00Z [RFC 8461 §3.2"));
  CHECK_THAT(text,
             Contains("mx2.example.net is left out: its name is not in the MTA-STS policy 20260101 [RFC 8461 §4.1"));
  CHECK_THAT(text,
             Contains("hosts are tried by preference, whatever each of them proves [MX example.com; RFC 5321 §5.1]"));
  CHECK_THAT(text, Contains("DANE is on: the DNS servers validate [configuration [dns] dnssec; RFC 7672 §2.1.1]"));
  CHECK_THAT(why(two(sts::Mode::testing)), Contains("testing: nothing is demanded"));
  CHECK_THAT(why(two(sts::Mode::none)), Contains("none: as if no policy existed"));
}

TEST_CASE("why there is no policy is told", "[OPS-16][STS-61]") {
  auto all = facts({host("mx1.example.com")});
  CHECK_THAT(why(all), Contains("example.com has no MTA-STS record, and so no policy [TXT _mta-sts.example.com: none; "
                                "RFC 8461 §3.1]"));
  CHECK_THAT(why(all),
             Contains("nothing is demanded: TLS where it works, then weaker TLS, then plaintext [RFC 7435 §3]"));
  all.sts.error = "malformed record `v=STSv1;`: the record has no id";
  CHECK_THAT(why(all), Contains("no policy can be had, which counts as none: malformed record `v=STSv1;`"));
  all.sts.state = StsFacts::State::lookup_failed;
  all.sts.error = "SERVFAIL\x1b";
  CHECK_THAT(why(all), Contains("cannot be looked up, so the message waits: SERVFAIL\\x1b ["));
}

TEST_CASE("where a policy came from is told", "[OPS-16][STS-48]") {
  auto all = two(sts::Mode::enforce);
  all.sts.source = StsFacts::Source::pin;
  CHECK_THAT(why(all), Contains("configuration, pinned for example.com: mode: enforce") &&
                           Contains("the configuration stands above what the domain publishes"));
  all.sts.source = StsFacts::Source::preload;
  CHECK_THAT(why(all), Contains("preloaded list, example.com: mode: enforce") &&
                           Contains("counts until the domain's own policy was fetched"));
  all.sts.source = StsFacts::Source::fetched;
  all.sts.expires = now;
  all.sts.error = "the policy host answered 503";
  CHECK_THAT(why(all), Contains("it was fetched for this message and is not kept") &&
                           Contains("it could not be renewed, and what is stored counts until it expires: the policy "
                                    "host answered 503 [RFC 8461 §5.1]"));
}

TEST_CASE("both ways down and every floor are told with the line of the configuration", "[OPS-16][RTLS-06]") {
  auto all = two(sts::Mode::enforce);
  all.route.exempt = true;
  all.route.reason = "ticket 4711";
  all.route.configured_at = "relay.toml:31";
  all.floor = {.encrypted = true};
  auto text = why(all);
  CHECK_THAT(text, Contains("the domain is exempt: neither its policy nor TLSA records are applied (ticket 4711) "
                            "[configuration relay.toml:31]"));
  CHECK_THAT(text, Contains("this relay demands TLS of every domain [configuration [delivery] security"));
  CHECK_THAT(text, !Contains("mta-sts.txt"));
  all = two(sts::Mode::enforce);
  all.message.tls_required_no = true;
  CHECK_THAT(why(all), Contains("the message says `TLS-Required: No`: neither policy nor TLSA records are applied "
                                "[RFC 8689 §4.2.2]"));
  all = facts({host("hop.example", 0)});
  all.mx_set = Facts::MxSet::configured;
  all.route.host = "hop.example";
  all.route.security = Security::verify;
  all.route.configured_at = "relay.toml:31";
  text = why(all);
  CHECK_THAT(
      text, Contains("mail for example.com goes to hop.example instead of its MX hosts [configuration relay.toml:31]"));
  CHECK_THAT(text, Contains("this destination demands a valid certificate [configuration relay.toml:31, security]"));
  CHECK_THAT(text, Contains("the recipient's policy neither demands nor vouches"));
}

TEST_CASE("what the TLSA records of each host say is told", "[OPS-16][DANE-06][DANE-21]") {
  using State = DaneFacts::State;
  auto all = facts({host("mx1.example.com", 10), host("mx2.example.com", 20), host("mx3.example.com", 30),
                    host("mx4.example.com", 40)});
  all.hosts[0].dane = {State::usable,
                       std::make_shared<const dane::Association>(
                           dane::Association{"base.example.com", {}, {{3, 1, 1, std::string(32, '\x5a')}}}),
                       ""};
  all.hosts[1].dane = {State::unusable, nullptr, "no TLSA record at mx2.example.com is usable"};
  all.hosts[2].dane = {State::failed, nullptr, "SERVFAIL"};
  all.hosts[3].dane = {State::not_applicable, nullptr, "its addresses are not secure (DNSSEC)"};
  const auto text = why(all);
  CHECK_THAT(text, Contains("mx1.example.com must match one of its TLSA records: 3 1 1 5a5a") &&
                       Contains("TLSA _25._tcp.base.example.com]"));
  CHECK_THAT(text, Contains("mx2.example.com must offer TLS, whatever its certificate"));
  CHECK_THAT(text, Contains("mx3.example.com is not used while its TLSA records cannot be looked up: SERVFAIL"));
  CHECK_THAT(text, Contains("DANE does not apply to mx4.example.com: its addresses are not secure (DNSSEC)"));
  all.route.exempt = true;
  CHECK_THAT(why(all), !Contains("must match"));
}

TEST_CASE("what is remembered and REQUIRETLS and the security of the MX record are told",
          "[OPS-16][RTLS-03][DANE-13]") {
  auto all = facts({host("mx1.example.com")});
  all.memory = {{.encrypted = true, .pkix = true}, "2026-10-01", false};
  CHECK_THAT(why(all), Contains("it has proven a valid certificate since 2026-10-01; if it does not, that is logged"));
  all.memory.insists = true;
  CHECK_THAT(why(all), Contains("must go on doing so [configuration [delivery] remember = \"enforce\"]"));
  CHECK_THAT(why(all), Contains("the answer that names the hosts is not secure") &&
                           Contains("none is tied to the domain, so it would be refused [RFC 8689 §4.2.1]"));
  all.mx_secure = true;
  CHECK_THAT(why(all),
             Contains("the answer that names the hosts is secure") && Contains("these hosts are tied to the domain"));
}

TEST_CASE("why there is no host to try is told", "[OPS-16][SMTP-12][SMTP-14]") {
  using MxSet = Facts::MxSet;
  auto all = facts({});
  all.mx_words = "SERVFAIL";
  for (const auto& [set, words] : {std::pair{MxSet::null_mx, "a null MX [MX example.com; RFC 7505 §3]"},
                                   std::pair{MxSet::nonexistent, "does not exist, or has neither MX nor address"},
                                   std::pair{MxSet::failed, "its mail hosts cannot be looked up: SERVFAIL"},
                                   std::pair{MxSet::implicit, "it is its own mail host"}}) {
    all.mx_set = set;
    CHECK_THAT(why(all), Contains(words));
  }
  CHECK_THAT(why(facts({self("relay.example", 10), host("mx1.example.com", 20)})),
             Contains("relay.example is left out: it is this relay itself [RFC 5321 §5.1; configuration hostname"));
  auto literal = facts({host("[192.0.2.1]")});
  literal.domain = "[192.0.2.1]";
  literal.is_literal = true;
  CHECK_THAT(why(literal), Contains("is an address: nothing is published for it"));
}

TEST_CASE("each host that is left out is told what would have to change", "[OPS-16]") {
  using Reason = LeftOut::Reason;
  const auto plan = decide(two(sts::Mode::enforce));
  CHECK(fix(plan, plan.left_out[0]) ==
        "the policy of example.com would have to name it under `mx`, with a new id in TXT _mta-sts.example.com");
  for (const auto& [reason, words] : {std::pair{Reason::not_tied, "sign its zone (DNSSEC), or to publish an enforced"},
                                      std::pair{Reason::tlsa_failed, "answer for its TLSA records"},
                                      std::pair{Reason::own_name, "the MX record would have to name another host"},
                                      std::pair{Reason::behind_own_name, "preferred to this relay"},
                                      std::pair{Reason::no_address, "an A or AAAA record"},
                                      std::pair{Reason::address_failed, "answer for its addresses"},
                                      std::pair{Reason::address_forbidden, "an address that others can reach"}}) {
    CHECK_THAT(fix(plan, LeftOut{"mx9.example.com", 10, reason, "words"}), Contains(words));
  }
}

TEST_CASE("each host that failed is told what would have to change", "[OPS-16]") {
  const std::string mx = "mx1.example.com";
  auto all = two(sts::Mode::enforce);
  const auto plan = decide(all);
  for (const auto& [what, words] :
       {std::pair{What::no_starttls, "offer STARTTLS"}, std::pair{What::handshake_failed, "offer TLS 1.2 or later"},
        std::pair{What::not_admitted, "show a certificate in date for mx1.example.com"},
        std::pair{What::no_requiretls, "offer REQUIRETLS in its EHLO after STARTTLS"},
        std::pair{What::refused, "welcome this relay"}, std::pair{What::nonsense, "speak SMTP on port 25"},
        std::pair{What::congested, "[delivery] connections_per_host"}, std::pair{What::lost, "keep the connection"},
        std::pair{What::unreachable, "accept connections on port 25"},
        std::pair{What::out_of_time, "accept connections on port 25"}}) {
    CHECK_THAT(fix(plan, outcome(mx, what)), Contains(words));
    CHECK(fix(plan, remembered(outcome(mx, what))) == fix(plan, outcome(mx, what)));
  }
  using Fault = CertificateFault;
  for (const auto& [fault, words] :
       {std::pair{Fault::expired, "renew its certificate"},
        std::pair{Fault::not_yet_valid, "its date or ours is wrong"},
        std::pair{Fault::self_signed, "an authority that this relay trusts"},
        std::pair{Fault::unknown_issuer, "intermediate certificates"},
        std::pair{Fault::name_mismatch, "names mx1.example.com"}, std::pair{Fault::weak, "a stronger key"},
        std::pair{Fault::wrong_purpose, "made for TLS servers"}}) {
    CHECK_THAT(fix(plan, outcome(mx, What::not_admitted), fault), Contains(words));
  }
  all.hosts[0].dane = {DaneFacts::State::usable,
                       std::make_shared<const dane::Association>(dane::Association{mx, {}, {{3, 1, 1, "k"}}}), ""};
  CHECK_THAT(fix(decide(all), outcome(mx, What::not_admitted), Fault::expired),
             Contains("renew its certificate, and show a certificate or key that one of its TLSA records matches"));
  all.sts = {};
  CHECK_THAT(fix(decide(all), outcome(mx, What::not_admitted)),
             Contains("it would have to show a certificate or key that one of its TLSA records matches"));
  CHECK(fix(plan, outcome("elsewhere.example", What::lost)).empty());
}
