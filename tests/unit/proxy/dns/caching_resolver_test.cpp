// The resolver against the laboratory's DNS server: what each failure ends in, which server is asked, what is kept.
#include "proxy/dns/caching_resolver.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <catch2/catch.hpp>
#include <optional>

#include "tests/lab/dns_server.hpp"
#include "tests/support/run_awaitable.hpp"

using namespace std::chrono_literals;
using dns::Status;
using dns::Type;
using lab::DnsServer;
using lab::Fault;
using proxy::CachingResolver;
using proxy::HostPort;
using proxy::ResolverOptions;

namespace {

using Pointer = std::shared_ptr<const dns::Answer>;

HostPort at(const DnsServer& server) {
  return {"127.0.0.1", server.port()};
}

/// Nothing is bound to this address: the system says so at once.
HostPort dead(const DnsServer& server) {
  return {"127.0.0.3", server.port()};
}

/// A resolver on a context of its own, with a clock that stands still until it is moved.
struct Asker {
  explicit Asker(const std::vector<HostPort>& servers, ResolverOptions options = {}) {
    options.now = [this] { return now; };
    resolver.emplace(io.get_executor(), servers, options);
  }
  Pointer ask(const std::string& name, Type type, bool fresh = false) {
    auto task = resolver->ask(name, type, fresh);
    return test::run_awaitable(io, std::move(task));
  }

  boost::asio::io_context io{1};
  std::chrono::steady_clock::time_point now{};
  std::optional<CachingResolver> resolver;
};

ResolverOptions patience(std::chrono::milliseconds limit) {
  ResolverOptions options;
  options.patience = limit;
  return options;
}

std::size_t over(const DnsServer& server, const std::string& transport) {
  std::size_t count = 0;
  for (const auto& query : server.log()) count += query.transport == transport;
  return count;
}

}  // namespace

TEST_CASE("records of every type arrive as they were published") {
  DnsServer server;
  server.set("a.test", "A", {"192.0.2.1", "192.0.2.2"});
  server.set("a.test", "AAAA", {"2001:db8::1"});
  server.set("a.test", "MX", {"20 mx2.a.test.", "10 MX1.a.test."});
  server.set("a.test", "TLSA", {"3 1 1 abcdef"});
  server.set("a.test", "TXT", {"one"});
  server.add_strings("a.test", {"two ", "strings"});
  Asker asker({at(server)});

  CHECK(asker.ask("a.test", Type::a)->addresses == std::vector<std::string>{"192.0.2.1", "192.0.2.2"});
  CHECK(asker.ask("a.test", Type::aaaa)->addresses == std::vector<std::string>{"2001:db8::1"});
  CHECK(asker.ask("a.test", Type::mx)->mx == std::vector<dns::Mx>{{20, "mx2.a.test"}, {10, "mx1.a.test"}});
  CHECK(asker.ask("a.test", Type::tlsa)->tlsa == std::vector<std::string>{"\3\1\1\xab\xcd\xef"});
  CHECK(asker.ask("a.test", Type::txt)->txt == std::vector<std::string>{"one", "two strings"});
  CHECK(asker.ask(".", Type::ns)->status == Status::ok);
}

TEST_CASE("each way in which a lookup ends has its own status") {
  DnsServer server;
  server.set("here.test", "A", {"192.0.2.1"});
  server.set("host.above.test", "A", {"192.0.2.1"});
  struct Row {
    const char* name;
    std::optional<Fault> fault;
    Status status;
  };
  const Row rows[] = {
      {"here.test", std::nullopt, Status::ok},
      {"here.test.", std::nullopt, Status::ok},
      {"above.test", std::nullopt, Status::no_data},
      {"absent.test", std::nullopt, Status::nxdomain},
      {"here.test", Fault::nxdomain, Status::nxdomain},
      {"here.test", Fault::servfail, Status::servfail},
      {"here.test", Fault::refused, Status::refused},
      {"here.test", Fault::garbage, Status::garbage},
      {"here.test", Fault::timeout, Status::timeout},
      {"here.test", Fault::wrong_id, Status::timeout},
      {"here.test", Fault::wrong_question, Status::timeout},
  };
  for (const auto& row : rows) {
    INFO(row.name << " expected: " << dns::words(row.status));
    Asker asker({at(server)}, patience(row.status == Status::timeout ? 300ms : 8000ms));
    server.clear_faults();
    if (row.fault) server.fault("here.test", "A", *row.fault);
    const auto answer = asker.ask(row.name, Type::a);
    CHECK(dns::words(answer->status) == dns::words(row.status));
    CHECK(answer->text.empty() == !dns::failed(answer->status));
    CHECK(answer->addresses.empty() == (answer->status != Status::ok));
  }
}

TEST_CASE("a server that cannot be reached is told from one that fails") {
  const DnsServer server;
  Asker asker({dead(server)});
  const auto answer = asker.ask("a.test", Type::a);
  CHECK(answer->status == Status::unreachable);
  CHECK(answer->text.find("127.0.0.3") != std::string::npos);
}

TEST_CASE("a name that cannot stand in a DNS message does not exist and is not asked") {
  const DnsServer server;
  Asker asker({at(server)});
  CHECK(asker.ask("a..test", Type::a)->status == Status::nxdomain);
  CHECK(asker.ask(std::string(64, 'a') + ".test", Type::a)->status == Status::nxdomain);
  CHECK(server.log().empty());
}

TEST_CASE("a single label is asked as it is", "[SMTP-55]") {
  DnsServer server;
  Asker asker({at(server)});
  CHECK(asker.ask("intranet", Type::mx)->status == Status::nxdomain);
  REQUIRE(server.log().size() == 1);
  CHECK(server.log()[0].name == "intranet");
}

TEST_CASE("a truncated answer is asked for again over TCP", "[STS-69]") {
  DnsServer server;
  Asker asker({at(server)});

  server.set("small.test", "A", {"192.0.2.1"});
  server.fault("small.test", "A", Fault::truncate);
  CHECK(asker.ask("small.test", Type::a)->status == Status::ok);
  CHECK(over(server, "tcp") == 1);

  for (int i = 0; i < 20; ++i) server.add("large.test", "TXT", {std::to_string(i) + std::string(200, 'x')});
  const auto large = asker.ask("large.test", Type::txt);
  CHECK(large->status == Status::ok);
  CHECK(large->txt.size() == 20);
  CHECK(over(server, "tcp") == 2);
}

TEST_CASE("an answer of up to 1232 octets comes over UDP") {
  DnsServer server;
  for (int i = 0; i < 4; ++i) server.add("medium.test", "TXT", {std::to_string(i) + std::string(240, 'x')});
  Asker asker({at(server)});
  CHECK(asker.ask("medium.test", Type::txt)->txt.size() == 4);
  CHECK(over(server, "tcp") == 0);
}

TEST_CASE("a server without EDNS is asked without it and later answers are not taken for truncated") {
  DnsServer server;
  server.set("old.test", "A", {"192.0.2.1"});
  server.fault("old.test", "A", Fault::no_edns);
  for (int i = 0; i < 4; ++i) server.add("medium.test", "TXT", {std::to_string(i) + std::string(240, 'x')});
  Asker asker({at(server)});
  CHECK(asker.ask("old.test", Type::a)->status == Status::ok);
  CHECK(server.count("old.test") == 2);
  CHECK(asker.ask("medium.test", Type::txt)->txt.size() == 4);
  CHECK(over(server, "tcp") == 0);
}

TEST_CASE("aliases are followed and a loop or an endless chain of them is a failure", "[STS-69]") {
  DnsServer server;
  server.set("www.test", "CNAME", {"pages.hoster.test."});
  server.set("pages.hoster.test", "A", {"192.0.2.1"});
  server.set("loop1.test", "CNAME", {"loop2.test."});
  server.set("loop2.test", "CNAME", {"loop1.test."});
  server.set("nowhere.test", "CNAME", {"absent.test."});
  for (int i = 0; i < 12; ++i)
    server.set("chain" + std::to_string(i) + ".test", "CNAME", {"chain" + std::to_string(i + 1) + ".test."});
  Asker asker({at(server)});

  for (const bool bare : {false, true}) {
    INFO("the server names " << (bare ? "only the alias" : "the alias and what is there"));
    if (bare) {
      for (const char* name : {"www.test", "nowhere.test", "loop1.test", "loop2.test"})
        server.fault(name, "*", Fault::bare_alias);
      for (int i = 0; i < 12; ++i) server.fault("chain" + std::to_string(i) + ".test", "*", Fault::bare_alias);
    }
    const auto www = asker.ask("www.test", Type::a);
    CHECK(www->status == Status::ok);
    CHECK(www->alias);
    CHECK(www->canonical == "pages.hoster.test");
    CHECK(www->addresses == std::vector<std::string>{"192.0.2.1"});
    const auto nowhere = asker.ask("nowhere.test", Type::a);
    CHECK(nowhere->status == Status::nxdomain);
    CHECK(nowhere->alias);
    CHECK(asker.ask("loop1.test", Type::a)->status == Status::alias_loop);
    CHECK(asker.ask("chain0.test", Type::a)->status == Status::alias_loop);
  }
  // Bounded: the ask and eight follow-ups.
  CHECK(server.count("loop1.test") + server.count("loop2.test") == 10);
}

TEST_CASE("an answer is given from the cache until its TTL has passed") {
  DnsServer server;
  server.ttl(60);
  server.negative_ttl(20);
  server.set("a.test", "A", {"192.0.2.1"});
  Asker asker({at(server)});
  for (int i = 0; i < 3; ++i) {
    CHECK(asker.ask("a.test", Type::a)->status == Status::ok);
    CHECK(asker.ask("A.Test.", Type::a)->status == Status::ok);
    CHECK(asker.ask("a.test", Type::mx)->status == Status::no_data);
    CHECK(asker.ask("b.test", Type::a)->status == Status::nxdomain);
  }
  CHECK(server.log().size() == 3);

  asker.now += 20s;
  CHECK(asker.ask("a.test", Type::a)->status == Status::ok);
  CHECK(asker.ask("a.test", Type::mx)->status == Status::no_data);
  CHECK(asker.ask("b.test", Type::a)->status == Status::nxdomain);
  CHECK(server.count("a.test", "A") == 1);
  CHECK(server.count("a.test", "MX") == 2);
  CHECK(server.count("b.test", "A") == 2);

  asker.now += 40s;
  asker.ask("a.test", Type::a);
  CHECK(server.count("a.test", "A") == 2);
}

TEST_CASE("an answer without TTL and a failed lookup are asked for again") {
  DnsServer server;
  server.set("a.test", "A", {"192.0.2.1"});
  server.fault("bad.test", "*", Fault::servfail);
  Asker asker({at(server)});
  for (int i = 0; i < 2; ++i) {
    asker.ask("a.test", Type::a);
    asker.ask("bad.test", Type::a);
  }
  CHECK(server.count("a.test") == 2);
  CHECK(server.count("bad.test") == 2);
}

TEST_CASE("a fresh ask goes past the cache and its answer takes the place of the old one") {
  DnsServer server;
  server.ttl(60);
  server.set("a.test", "A", {"192.0.2.1"});
  Asker asker({at(server)});
  asker.ask("a.test", Type::a);
  server.set("a.test", "A", {"192.0.2.2"});
  CHECK(asker.ask("a.test", Type::a)->addresses == std::vector<std::string>{"192.0.2.1"});
  CHECK(asker.ask("a.test", Type::a, true)->addresses == std::vector<std::string>{"192.0.2.2"});
  CHECK(asker.ask("a.test", Type::a)->addresses == std::vector<std::string>{"192.0.2.2"});
  CHECK(server.count("a.test") == 2);

  // A fresh ask that fails takes nothing away from those who do not insist.
  server.fault("a.test", "A", Fault::servfail);
  CHECK(asker.ask("a.test", Type::a, true)->status == Status::servfail);
  CHECK(asker.ask("a.test", Type::a)->status == Status::ok);
}

TEST_CASE("many who ask the same at once cost one query and all get its answer") {
  DnsServer server;
  server.set("a.test", "A", {"192.0.2.1"});
  Asker asker({at(server)});
  std::vector<std::future<Pointer>> answers;
  for (int i = 0; i < 50; ++i)
    answers.push_back(boost::asio::co_spawn(asker.io, asker.resolver->ask("a.test", Type::a), boost::asio::use_future));
  asker.io.run();
  for (auto& answer : answers) CHECK(answer.get()->addresses.size() == 1);
  CHECK(server.count("a.test") == 1);
}

TEST_CASE("who asked first may give up and the others still get the answer") {
  DnsServer server;
  server.set("a.test", "A", {"192.0.2.1"});
  Asker asker({at(server)});
  boost::asio::cancellation_signal give_up;
  bool first_ended = false;
  boost::asio::co_spawn(
      asker.io, asker.resolver->ask("a.test", Type::a),
      boost::asio::bind_cancellation_slot(give_up.slot(), [&](std::exception_ptr error, const Pointer&) {
        first_ended = true;
        CHECK(error);
      }));
  auto second = boost::asio::co_spawn(asker.io, asker.resolver->ask("a.test", Type::a), boost::asio::use_future);
  asker.io.run_one();
  asker.io.run_one();
  give_up.emit(boost::asio::cancellation_type::terminal);
  asker.io.run();
  CHECK(first_ended);
  CHECK(second.get()->status == Status::ok);
  CHECK(server.count("a.test") == 1);
}

TEST_CASE("the next server is asked when one fails in any way") {
  DnsServer first, second;
  second.set("a.test", "A", {"192.0.2.1"});
  for (const auto fault : {Fault::servfail, Fault::refused, Fault::garbage, Fault::timeout, Fault::wrong_id}) {
    INFO("fault " << static_cast<int>(fault));
    first.fault("a.test", "*", fault);
    Asker asker({at(first), at(second)}, patience(2000ms));
    CHECK(asker.ask("a.test", Type::a)->status == Status::ok);
  }
  Asker asker({dead(first), at(second)});
  CHECK(asker.ask("a.test", Type::a)->status == Status::ok);

  // "There is none" is an answer: the second is not asked.
  first.clear_faults();
  Asker content({at(first), at(second)});
  const auto asked = second.log().size();
  CHECK(content.ask("a.test", Type::a)->status == Status::nxdomain);
  CHECK(second.log().size() == asked);
}

TEST_CASE("when every server fails the failure of one that answered is told") {
  DnsServer server;
  server.fault("a.test", "*", Fault::servfail);
  Asker first({at(server), dead(server)});
  CHECK(first.ask("a.test", Type::a)->status == Status::servfail);
  Asker last({dead(server), at(server)});
  CHECK(last.ask("a.test", Type::a)->status == Status::servfail);
}

TEST_CASE("a server that was silent is asked last for a while") {
  DnsServer first, second;
  first.silent(true);
  second.set("a.test", "A", {"192.0.2.1"});
  Asker asker({at(first), at(second)}, patience(2000ms));
  CHECK(asker.ask("a.test", Type::a)->status == Status::ok);
  const auto asked = first.log().size();
  CHECK(asked > 0);
  for (int i = 0; i < 3; ++i) CHECK(asker.ask("a.test", Type::a)->status == Status::ok);
  CHECK(first.log().size() == asked);

  // It is still asked when the others fail, and being heard again it comes first.
  second.fault("a.test", "*", Fault::servfail);
  first.silent(false);
  CHECK(asker.ask("a.test", Type::a)->status == Status::nxdomain);
  second.clear_faults();
  CHECK(asker.ask("a.test", Type::a)->status == Status::nxdomain);
}

TEST_CASE("a question that is never answered is asked twice and then given up", "[N-1]") {
  DnsServer server;
  server.silent(true);
  Asker asker({at(server)});
  const auto answer = asker.ask("a.test", Type::a);
  CHECK(answer->status == Status::timeout);
  CHECK(server.count("a.test") == 2);
}

TEST_CASE("silent servers and aliases together take no longer than the patience", "[N-1]") {
  DnsServer first, second, third;
  for (auto* server : {&first, &second, &third}) {
    server->set("a.test", "CNAME", {"b.test."});
    server->fault("a.test", "*", Fault::bare_alias);
    server->fault("b.test", "*", Fault::timeout);
  }
  Asker asker({at(first), at(second), at(third)}, patience(1200ms));
  CHECK(asker.ask("a.test", Type::a)->status == Status::timeout);
  for (auto* server : {&first, &second, &third}) CHECK(server->count("b.test") == 1);
}

TEST_CASE("the authentic flag is believed only where the administrator says so") {
  DnsServer server;
  server.sign(true);
  server.set("a.test", "A", {"192.0.2.1"});
  server.set("open.test", "A", {"192.0.2.1"});
  server.insecure("open.test");
  server.set("alias.test", "CNAME", {"a.test."});
  server.insecure("alias.test");
  server.fault("alias.test", "*", Fault::bare_alias);
  ResolverOptions trusting;
  trusting.trust_ad = [](const HostPort&) { return true; };
  Asker believer({at(server)}, trusting);
  CHECK(believer.ask("a.test", Type::a)->authentic);
  CHECK_FALSE(believer.ask("open.test", Type::a)->authentic);
  CHECK_FALSE(believer.ask("alias.test", Type::a)->authentic);
  Asker sceptic({at(server)});
  CHECK_FALSE(sceptic.ask("a.test", Type::a)->authentic);
}

TEST_CASE("many questions in flight at once each get their own answer") {
  DnsServer server;
  constexpr int many = 150;
  for (int i = 0; i < many; ++i) server.set("n" + std::to_string(i) + ".test", "TXT", {std::to_string(i)});
  Asker asker({at(server)});
  std::vector<std::future<Pointer>> answers;
  for (int i = 0; i < many; ++i)
    answers.push_back(boost::asio::co_spawn(asker.io, asker.resolver->ask("n" + std::to_string(i) + ".test", Type::txt),
                                            boost::asio::use_future));
  asker.io.run();
  for (int i = 0; i < many; ++i)
    CHECK(answers[static_cast<std::size_t>(i)].get()->txt == std::vector<std::string>{std::to_string(i)});
}

TEST_CASE("a resolver may end before its questions do") {
  DnsServer server;
  server.set("a.test", "A", {"192.0.2.1"});
  server.fault("silent.test", "*", Fault::timeout);
  {
    Asker asker({at(server)}, patience(300ms));
    auto answered = boost::asio::co_spawn(asker.io, asker.resolver->ask("a.test", Type::a), boost::asio::use_future);
    auto silent = boost::asio::co_spawn(asker.io, asker.resolver->ask("silent.test", Type::a), boost::asio::use_future);
    while (server.log().size() < 2) asker.io.run_one_for(10ms);
    asker.resolver.reset();
    for (auto* answer : {&answered, &silent})
      while (answer->wait_for(0s) != std::future_status::ready) asker.io.run_one();
    CHECK(answered.get()->status == Status::ok);
    CHECK(silent.get()->status == Status::timeout);
  }
  {
    // And the context before both.
    const auto asked = server.count("silent.test");
    Asker asker({at(server)});
    boost::asio::co_spawn(asker.io, asker.resolver->ask("silent.test", Type::a), boost::asio::detached);
    while (server.count("silent.test") == asked) asker.io.run_one_for(10ms);
  }
}

TEST_CASE("a resolver needs a server that is an address") {
  boost::asio::io_context io;
  const std::vector<HostPort> none, name{{"dns.example.test", 53}};
  CHECK_THROWS_AS(CachingResolver(io.get_executor(), none), std::invalid_argument);
  CHECK_THROWS_AS(CachingResolver(io.get_executor(), name), std::invalid_argument);
}
