// Mail servers of the world as MX under an enforced policy: what they put into a mailbox is what was handed in, in both
// modes of the relay.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/scenario/support/every_listener.hpp"
#include "tests/scenario/support/exim.hpp"
#include "tests/scenario/support/open_smtpd.hpp"

using namespace scenario;

namespace {

/// Makes real.test a domain with an enforced policy, whose only MX host is at this address. The certificate of the
/// host: PEM, key and chain.
std::string certificate_of_real_domain(EveryListener& world, const std::string& address,
                                       const lab::CertificateOptions& options = {}) {
  auto& domain = world.lab.domain("real.test", {.mx = 0, .sts = "enforce", .patterns = {"mx.real.test"}});
  domain.hosts({"mx.real.test"});
  world.lab.dns().set("mx.real.test", "A", {address});
  const auto certificate = world.lab.ca().issue({"mx.real.test"}, options);
  return certificate.key + certificate.chain;
}

std::vector<std::string> mailbox(const std::string& maildir) {
  std::vector<std::string> messages;
  std::error_code none;
  for (const auto& file : std::filesystem::directory_iterator(maildir + "/new", none)) {
    std::ostringstream text;
    text << std::ifstream(file.path()).rdbuf();
    messages.push_back(text.str());
  }
  return messages;
}

/// Sends through a listener of each mode and judges what is in the mailbox.
void both_modes_arrive(EveryListener& world, const std::string& maildir, const std::function<std::string()>& log) {
  const SignedMessage message;
  std::size_t sent = 0;
  for (const auto& listener : world.listeners()) {
    if (listener.tls != "none") continue;
    lab::SmtpClient client("127.0.0.1", listener.port);
    client.ehlo();
    const auto reply = client.send("a@sender.test", {"b@real.test"}, message.text()).front().second;
    INFO(listener.name() << ": " << lab::words(reply));
    CHECK(reply.code == 250);
    client.quit();
    ++sent;
  }
  if (!world.lab.watch().until([&] { return mailbox(maildir).size() >= sent; }, std::chrono::seconds(30))) {
    FAIL("not all messages in the mailbox\n" << log() << world.report());
  }
  message.intact(mailbox(maildir));
  until(
      world,
      [&] {
        return world.relay.cli({"queue", "list", "--json"}).out.starts_with("[]");
      },
      "an empty queue");
  CHECK(mailbox(maildir).size() == sent);
  const auto proven = world.relay.log_lines(
      {{"event", "delivery"}, {"domain", "real.test"}, {"result", "delivered"}, {"proof", "pkix"}});
  CHECK(proven.size() == sent);
}

}  // namespace

TEST_CASE("Postfix as MX puts into the mailbox what was handed in", "[scenario][SMTP-34][SMTP-22]") {
  EveryListener world;
  const std::string address = "127.0.9.1";
  const OpenDirectory files;
  const auto pem = files.write("chain.pem", certificate_of_real_domain(world, address));
  std::filesystem::permissions(files.path(), std::filesystem::perms(0777));
  const Postfix postfix(address, world.lab.smtp_port(),
                        {{"smtpd_tls_chain_files", pem},
                         {"smtpd_tls_security_level", "may"},
                         {"virtual_mailbox_domains", "real.test"},
                         {"virtual_mailbox_base", files.path()},
                         {"virtual_mailbox_maps", "static:box/"},
                         {"virtual_uid_maps", "static:64100"},
                         {"virtual_gid_maps", "static:64100"}},
                        "virtual unix - n n - - virtual\n");
  both_modes_arrive(world, files.path() + "/box", [&] { return postfix.log(); });
}

TEST_CASE("Exim as MX puts into the mailbox what was handed in", "[scenario][SMTP-34][SMTP-22]") {
  EveryListener world;
  const std::string address = "127.0.9.2";
  const auto certificate = certificate_of_real_domain(world, address);
  const Exim exim(world, address, world.lab.smtp_port(), "tls_advertise_hosts = *\ntls_certificate = /etc/exim.pem\n",
                  "box:\n  driver = accept\n  domains = real.test\n  transport = box\n",
                  "box:\n  driver = appendfile\n  directory = /var/mail/box\n  maildir_format\n  user = box\n",
                  certificate);
  both_modes_arrive(world, exim.room().outside("/var/mail/box"), [&] { return exim.log(); });
}

TEST_CASE("OpenSMTPD as MX puts into the mailbox what was handed in", "[scenario][SMTP-34][SMTP-22]") {
  EveryListener world;
  const std::string address = "127.0.9.3";
  const auto certificate = certificate_of_real_domain(world, address, {.rsa_bits = 2048});
  const OpenSmtpd server(world, address, world.lab.smtp_port(),
                         "pki mx.real.test cert \"/etc/smtpd.pem\"\npki mx.real.test key \"/etc/smtpd.pem\"\n",
                         "tls pki mx.real.test hostname mx.real.test",
                         "action \"box\" maildir \"/var/mail/box\" user box virtual { \"@\" = box }\n"
                         "match from any for domain \"real.test\" action \"box\"\n",
                         certificate);
  both_modes_arrive(world, server.room().outside("/var/mail/box"), [&] { return server.log(); });
}

TEST_CASE("OpenSMTPD whose handshakes all fail gets mail only where nothing asks for TLS", "[scenario][SMTP-56]") {
  EveryListener world;
  const std::string address = "127.0.9.3";
  // With an elliptic key the OpenSMTPD of Debian 12 offers STARTTLS and fails in each handshake.
  const auto certificate = certificate_of_real_domain(world, address);
  world.lab.domain("plain.test", {.mx = 0}).hosts({"mx.real.test"});
  const OpenSmtpd server(world, address, world.lab.smtp_port(),
                         "pki mx.real.test cert \"/etc/smtpd.pem\"\npki mx.real.test key \"/etc/smtpd.pem\"\n",
                         "tls pki mx.real.test hostname mx.real.test",
                         "action \"box\" maildir \"/var/mail/box\" user box virtual { \"@\" = box }\n"
                         "match from any for domain { \"real.test\", \"plain.test\" } action \"box\"\n",
                         certificate);
  deferred(world, world.relay.mail("b@real.test"), {}, {.policy = true});
  const auto outcome = world.relay.mail("b@plain.test");
  INFO(server.log());
  CHECK(outcome.reply().code == 250);
  const auto maildir = server.room().outside("/var/mail/box");
  until(
      world, [&] { return !mailbox(maildir).empty(); }, "the message in " + maildir);
  CHECK(mailbox(maildir).size() == 1);
  CHECK(delivery_record(world, "plain.test")["proof"] == "none");
}
