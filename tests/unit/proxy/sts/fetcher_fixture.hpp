// What the tests of the policy fetch share: a policy host, an authority, a resolver.
#pragma once

#include <openssl/ssl.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>
#include <map>

#include "proxy/sts/https_fetcher.hpp"
#include "tests/lab/authority.hpp"
#include "tests/lab/policy_host.hpp"
#include "tests/support/run_awaitable.hpp"
#include "tests/unit/proxy/tls/directory.hpp"

using namespace proxy;
using lab::Behaviour;
using Result = Fetched::Result;

namespace {

const std::string domain = "good.test", host = "mta-sts.good.test";
const std::string body = "version: STSv1\r\nmode: enforce\r\nmx: mx1.good.test\r\nmax_age: 86400\r\n";

/// Answers from a map; what is not in it has no data. Names in `silent` are never answered.
class MapResolver : public Resolver {
 public:
  std::map<std::pair<std::string, dns::Type>, dns::Answer> answers;
  std::map<std::pair<std::string, dns::Type>, bool> silent;
  std::vector<std::string> asked;

  void address(dns::Type type, std::vector<std::string> addresses) {
    dns::Answer answer;
    answer.status = dns::Status::ok;
    answer.addresses = std::move(addresses);
    answers[{host, type}] = std::move(answer);
  }

  boost::asio::awaitable<std::shared_ptr<const dns::Answer>> ask(std::string name, dns::Type type, bool) override {
    asked.push_back(name);
    if (silent.contains({name, type})) {
      boost::asio::steady_timer never(co_await boost::asio::this_coro::executor,
                                      boost::asio::steady_timer::time_point::max());
      co_await never.async_wait(boost::asio::use_awaitable);
    }
    auto answer = std::make_shared<dns::Answer>();
    answer->status = dns::Status::no_data;
    const auto found = answers.find({name, type});
    if (found != answers.end()) *answer = found->second;
    co_return answer;
  }
};

/// What the policy host shows, where it is not a good one.
struct Show {
  std::string certificate = {};
  std::string body = {};
  std::string status = "200 OK";
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<std::string> headers = {};
  Behaviour behaviour = Behaviour::normal;
  std::chrono::milliseconds drip_pause{1000};
};

struct World {
  Directory directory;
  lab::Authority ca{directory.path(), "Lab CA"};
  lab::Authority other_ca{directory.path(), "Other CA"};
  std::shared_ptr<const TlsContexts> contexts = std::make_shared<TlsContexts>(ca.path());
  lab::Watch watch;
  lab::PolicyHost web{watch, "127.0.0.1", 0, ca.issue({"nothing.test"}, {.self_signed = true}).path};
  boost::asio::io_context io;
  MapResolver resolver;
  HttpsFetcher::Options options{Milliseconds(30000), web.port(), true};

  World() {
    resolver.address(dns::Type::a, {"127.0.0.1"});
    site({});
  }

  void site(const Show& show) {
    lab::Site site;
    site.certificate = show.certificate.empty() ? ca.issue({host}).path : show.certificate;
    site.body = show.body.empty() ? body : show.body;
    site.status = show.status;
    site.content_type = show.content_type;
    site.headers = show.headers;
    site.behaviour = show.behaviour;
    site.drip_pause = show.drip_pause;
    web.site(host, std::move(site));
  }

  Fetched fetch(const std::string& name = domain) {
    HttpsFetcher fetcher(
        io.get_executor(), resolver, [this] { return contexts; }, options);
    return test::run_awaitable(io, fetcher.fetch(name));
  }
};

/// A TLS server for `host` that reads a request, writes these octets and ends, with a TLS farewell or without.
class RawServer {
 public:
  RawServer(World& world, std::string answer, bool farewell)
      : context_(lab::server_context(world.ca.issue({host}).path)),
        server_("127.0.0.1", 0, [this, answer, farewell](lab::Channel& channel) {
          channel.accept_tls(context_.get());
          while (channel.read_to_crlf().size() > 2) continue;
          channel.write(answer);
          SSL_set_quiet_shutdown(channel.ssl(), farewell ? 0 : 1);  // the channel says it when it closes
        }) {
    world.options.port = server_.port();
  }

 private:
  lab::ContextPtr context_;
  lab::Server server_;
};

std::string with_length(const std::string& head, std::size_t length) {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" + head + "Content-Length: " + std::to_string(length) +
         "\r\n\r\n";
}

}  // namespace
