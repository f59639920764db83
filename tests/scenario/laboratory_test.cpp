// The laboratory itself: a rogue that does not misbehave as told would make every scenario above it worthless.
#include <catch2/catch.hpp>

#include "tests/lab/laboratory.hpp"
#include "tests/lab/relay_process.hpp"
#include "tests/lab/smtp_client.hpp"

using namespace lab;

namespace {

SmtpClient connect(const MxHost& mx, SmtpClient::Options options = {}) {
  SmtpClient client(mx.address(), mx.port(), options);
  client.ehlo();
  return client;
}

Reply send(const MxHost& mx, bool tls, const std::string& recipient, const std::string& body = letter()) {
  SmtpClient client = connect(mx);
  if (tls) {
    REQUIRE(client.starttls().code == 220);
    client.ehlo();
  }
  const Replies replies = client.send("a@sender.test", {recipient}, body);
  client.quit();
  return replies.front().second;
}

}  // namespace

TEST_CASE("a laboratory MX host records envelope and body octet for octet", "[laboratory]") {
  Laboratory lab;
  MxHost& mx = *lab.domain("x.test").mx[0];
  const std::string body =
      letter() + ".dot\r\n..two dots\r\nbare \n.\n and \r.\r stay\r\n" + std::string("\0\xff\r\n", 4);
  CHECK(send(mx, true, "b@x.test", body).code == 250);
  const auto arrived = lab.arrived("b@x.test");
  REQUIRE(arrived.size() == 1);
  CHECK(arrived[0].mx == &mx);
  CHECK(arrived[0].tls == "TLSv1.3");
  CHECK(arrived[0].sender == "a@sender.test");
  CHECK(*arrived[0].body == body);
  CHECK(arrived[0].sha256.size() == 64);
  const auto sessions = mx.sessions();
  REQUIRE(sessions.size() == 1);
  CHECK(sessions[0].messages == 1);
  REQUIRE(mx.mails().size() == 1);
  CHECK(mx.mails()[0].tls);
}

TEST_CASE("each bad face of STARTTLS shows as told", "[laboratory]") {
  Laboratory lab;
  MxHost& mx = *lab.domain("x.test").mx[0];
  struct {
    Starttls how;
    int code;        // of the reply to STARTTLS, 0 where the handshake behind it fails
    bool handshake;  // which a careless client completes
    bool goes_on;    // EHLO is answered after it
  } const cases[] = {{Starttls::good, 220, true, true},        {Starttls::stripped, 502, false, true},
                     {Starttls::refused, 454, false, true},    {Starttls::inject, 220, true, true},
                     {Starttls::inject_part, 220, true, true}, {Starttls::close, 220, true, false},
                     {Starttls::garbage, 0, false, false},     {Starttls::drop, 0, false, false}};
  for (const auto& expected : cases) {
    INFO(static_cast<int>(expected.how));
    mx.starttls(expected.how);
    SmtpClient client = connect(mx);
    CHECK(client.features().contains("STARTTLS") == (expected.how != Starttls::stripped));
    bool goes_on = false;
    Reply reply;
    try {
      reply = client.starttls();
      goes_on = client.ehlo().code == 250;
    } catch (const Gone&) {
      // what came of it is told below
    }
    CHECK(reply.code == expected.code);
    CHECK(client.channel().is_tls() == expected.handshake);
    CHECK(goes_on == expected.goes_on);
  }
}

TEST_CASE("an MX host answers each stage as told and then as usual", "[laboratory]") {
  Laboratory lab;
  MxHost& mx = *lab.domain("x.test").mx[0];
  mx.on("RCPT", std::vector<std::string>{"450 4.2.1 later", "550-5.1.1 never\n550 5.1.1 ever"});
  CHECK(send(mx, false, "b@x.test").code == 450);
  CHECK(send(mx, false, "b@x.test").text == "5.1.1 never\n5.1.1 ever");
  CHECK(send(mx, false, "b@x.test").code == 250);
  mx.on("RCPT", [](std::string_view argument) {
    return std::string(argument.find("<bad@") != std::string_view::npos ? "550 5.1.1 no" : "");
  });
  CHECK(send(mx, false, "bad@x.test").code == 550);
  CHECK(send(mx, false, "good@x.test").code == 250);
  mx.as_usual().on_reused("MAIL", "421 4.3.2 enough");
  SmtpClient client = connect(mx);
  CHECK(client.send("a@sender.test", {"b@x.test"}, letter()).front().second.code == 250);
  CHECK(client.command("MAIL FROM:<a@sender.test>").code == 421);
  CHECK_THROWS_AS(client.read(), Gone);
  mx.as_usual().on("DOT", answer::drop);
  CHECK_THROWS_AS(send(mx, false, "dropped@x.test"), Gone);
  CHECK(lab.arrived("dropped@x.test").empty());
  CHECK(lab.seen().back().recipients.front() == "dropped@x.test");
  mx.as_usual().on("EHLO", answer::hang);
  CHECK_THROWS_AS(connect(mx, {.timeout = std::chrono::milliseconds(100)}), Gone);
}

TEST_CASE("a new face of an MX host ends its open connections", "[laboratory]") {
  Laboratory lab;
  MxHost& mx = *lab.domain("x.test").mx[0];
  SmtpClient client = connect(mx);
  mx.starttls(Starttls::stripped);
  CHECK_THROWS_AS(client.read(), Gone);
  CHECK_FALSE(connect(mx).features().contains("STARTTLS"));
  mx.stop();
  CHECK_THROWS_AS(connect(mx), Gone);
  mx.start();
  CHECK(send(mx, false, "b@x.test").code == 250);
}

TEST_CASE("an MX host records what came before its reply was sent", "[laboratory]") {
  Laboratory lab;
  MxHost& mx = *lab.domain("x.test").mx[0];
  SmtpClient client = connect(mx);
  client.raw("MAIL FROM:<a@sender.test>\r\nRCPT TO:<b@x.test>\r\n");
  client.read();
  client.read();
  const auto early = mx.sessions().back().early;
  REQUIRE(early.size() == 1);
  CHECK(early[0].first == "MAIL");
  CHECK(early[0].second == "RCPT TO:<b@x.test>\r\n");
}

TEST_CASE("an MX host serves 500 connections at once", "[laboratory]") {
  Laboratory lab;
  MxHost& mx = *lab.domain("x.test").mx[0];
  std::vector<SmtpClient> clients;
  for (int i = 0; i < 500; ++i) clients.push_back(connect(mx));
  for (auto& client : clients) client.raw("MAIL FROM:<a@sender.test>\r\nRCPT TO:<many@x.test>\r\nDATA\r\n");
  for (auto& client : clients) {
    for (int code : {250, 250, 354}) CHECK(client.read().code == code);
    client.raw(letter() + ".\r\n");
  }
  for (auto& client : clients) CHECK(client.read().code == 250);
  CHECK(lab.arrived("many@x.test").size() == 500);
}

TEST_CASE("a policy host shows each site its own certificate and serves it over every address", "[laboratory]") {
  Laboratory lab;
  lab.domain("x.test", {.sts = "enforce"});
  lab.domain("y.test", {.sts = "testing"});
  const auto get = [&](const std::string& host) {
    auto channel = Channel::connect(web_address, lab.https_port(), std::chrono::seconds(10));
    channel->connect_tls(any_context().get(), host);
    channel->write("GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    std::string answer, subject;
    while (!answer.ends_with("max_age: 86400\r\n")) answer += channel->read_line();
    const std::shared_ptr<X509> certificate(SSL_get1_peer_certificate(channel->ssl()), X509_free);
    char name[256];
    X509_NAME_oneline(X509_get_subject_name(certificate.get()), name, sizeof name);
    return std::pair(answer, std::string(name));
  };
  const auto [x, x_subject] = get("mta-sts.x.test");
  const auto [y, y_subject] = get("mta-sts.y.test");
  CHECK(x.find("mode: enforce\r\nmx: mx1.x.test\r\n") != std::string::npos);
  CHECK(y.find("mode: testing\r\nmx: mx1.y.test\r\n") != std::string::npos);
  CHECK(x_subject.find("mta-sts.x.test") != std::string::npos);
  CHECK(y_subject.find("mta-sts.y.test") != std::string::npos);
  CHECK(lab.web().count("mta-sts.x.test") == 1);
  lab.web().stop();
  CHECK_THROWS_AS(get("mta-sts.x.test"), Gone);
  lab.web().start();
  CHECK(get("mta-sts.x.test").first == x);
}

TEST_CASE("a policy host knows who was answered and who left before", "[laboratory]") {
  Laboratory lab;
  lab.site("x.test", "version: STSv1\r\n");
  lab.site("hanging.test");
  lab.web().change("mta-sts.hanging.test", [](Site& site) { site.behaviour = Behaviour::hang; });
  const auto visit = [&](const std::string& domain, const std::string& request) {
    const auto channel = Channel::connect(lab.web().address(), lab.web().port(), std::chrono::seconds(30));
    channel->connect_tls(any_context().get(), "mta-sts." + domain);
    channel->write(request);
    if (request.ends_with("\r\n\r\n")) channel->read_line();
  };
  const std::string request = "GET /.well-known/mta-sts.txt HTTP/1.1\r\n";
  visit("hanging.test", request);  // no honest site: what it keeps from a client is its attack
  visit("x.test", request);
  REQUIRE(lab.watch().until([&] { return lab.web().visits().size() == 1; }, std::chrono::seconds(30)));
  CHECK_FALSE(lab.web().visits()[0].answered);
  CHECK(lab.web().visits()[0].server_name == "mta-sts.x.test");
  visit("x.test", request + "\r\n");
  REQUIRE(lab.watch().until([&] { return lab.web().visits().size() >= 2; }, std::chrono::seconds(30)));
  CHECK(lab.web().visits()[1].answered);
}

TEST_CASE("log lines are read back into fields", "[laboratory]") {
  const auto line = parse_log_line(
      R"(2026-11-25T07:00:00.000Z info event=delivery domain=x.test reason="says \"no\" = \\ never" code=451 empty= flag)");
  CHECK(line["event"] == "delivery");
  CHECK(line["reason"] == R"(says "no" = \ never)");
  CHECK(line["code"] == "451");
  CHECK(line["empty"].empty());
  CHECK(line["flag"].empty());
  CHECK(parse_log_line("").fields.empty());
  CHECK(parse_log_line("event=\"never closed").fields.at("event") == "never closed");
}
