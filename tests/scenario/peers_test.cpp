// The relay among programs that others wrote, started by the tests in private directories and ended by them. Never
// touches a service of the machine; a program that is not installed is said in a warning and its test is skipped.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/scenario/support/judge.hpp"

using namespace scenario;

namespace {
bool installed(const std::string& program) {
  if (std::filesystem::exists(program)) return true;
  WARN("skipped: " + program + " is not installed; tests/install tests installs it");
  return false;
}
}  // namespace

TEST_CASE("swaks delivers a message and shows a deferral in the words of the relay", "[scenario]") {
  if (!installed("/usr/bin/swaks")) return;
  World world;
  world.lab.domain("good.test", {.sts = "enforce"});
  auto& bad = world.lab.domain("bad.test", {.sts = "enforce"});
  bad.mx[0]->starttls(lab::Starttls::stripped);
  const auto swaks = [&](const std::string& recipient) {
    return lab::run_program({"/usr/bin/swaks", "--server", "127.0.0.1", "--port", std::to_string(world.relay.port()),
                             "--from", "a@sender.test", "--to", recipient, "--helo", "appliance.test"},
                            world.lab.directory(), std::chrono::seconds(60));
  };
  const auto sent = swaks("b@good.test");
  INFO(sent.out << sent.err);
  CHECK(sent.status == 0);
  REQUIRE(world.lab.arrived("b@good.test").size() == 1);
  CHECK(!world.lab.arrived("b@good.test")[0].tls.empty());

  const auto kept = swaks("b@bad.test");
  INFO(kept.out << kept.err);
  CHECK(kept.status != 0);
  CHECK((kept.out + kept.err).find("451 4.7.") != std::string::npos);
  CHECK((kept.out + kept.err).find("bad.test") != std::string::npos);
  untouched(world, {bad.mx[0]});
}

TEST_CASE("a policy from nginx whose certificate comes through two intermediates counts", "[scenario][STS-09]") {
  if (!installed("/usr/sbin/nginx")) return;
  World world;
  auto& domain = world.lab.domain("web.test", {.sts = "enforce"});
  const std::string folder = world.lab.directory() + "/nginx", address = "127.0.0.9";
  std::filesystem::create_directories(folder + "/www/.well-known");
  const auto certificate = world.lab.ca().issue({domain.policy_host()}, {.intermediates = 2});
  std::ofstream(folder + "/www/.well-known/mta-sts.txt")
      << "version: STSv1\r\nmode: enforce\r\nmx: mx1.web.test\r\nmax_age: 86400\r\n";
  std::ofstream(folder + "/nginx.conf") << "daemon off; master_process off; pid " << folder
                                        << "/pid; error_log stderr;\nevents {}\nhttp {\n"
                                        << "access_log " << folder << "/access; client_body_temp_path " << folder
                                        << "/body; proxy_temp_path " << folder << "/proxy; fastcgi_temp_path " << folder
                                        << "/fastcgi; uwsgi_temp_path " << folder << "/uwsgi; scgi_temp_path " << folder
                                        << "/scgi; types { text/plain txt; }\nserver { listen " << address << ":"
                                        << world.lab.https_port() << " ssl; ssl_certificate " << certificate.path
                                        << "; ssl_certificate_key " << certificate.path << "; root " << folder
                                        << "/www; }\n}\n";
  lab::ChildProcess nginx({"/usr/sbin/nginx", "-p", folder, "-e", "stderr", "-c", folder + "/nginx.conf"}, folder);
  until(
      world, [&] { return std::filesystem::exists(folder + "/pid"); }, "nginx listens");  // written after it listens
  world.lab.dns().set(domain.policy_host(), "A", {address});
  delivered(world, world.relay.mail("b@web.test"), {.mx = domain.mx[0], .tls = true});
  CHECK(world.lab.web().count(domain.policy_host()) == 0);
  domain.mx[0]->starttls(lab::Starttls::stripped);
  deferred(world, world.relay.mail("c@web.test"), {}, {.policy = true});  // so the policy was read
  CHECK_FALSE(nginx.ended());
}

TEST_CASE("the relay delivers with what unbound tells it", "[scenario][bounded]") {
  if (!installed("/usr/sbin/unbound")) return;
  World world({}, false);
  auto& domain = world.lab.domain("cached.test", {.sts = "enforce"});
  const std::string folder = world.lab.directory() + "/unbound", address = "127.0.0.8";
  const auto port = std::to_string(world.lab.dns().port());
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/unbound.conf")
      << "server:\n interface: " << address << "\n port: " << port << "\n do-daemonize: no\n chroot: \"\"\n"
      << " username: \"\"\n directory: \"" << folder << "\"\n pidfile: \"" << folder << "/pid\"\n use-syslog: no\n"
      << " num-threads: 1\n do-ip6: no\n module-config: \"iterator\"\n do-not-query-localhost: no\n"
      << " local-zone: \"test.\" nodefault\n access-control: 127.0.0.0/8 allow\n"
      << "remote-control:\n control-enable: no\nforward-zone:\n name: \".\"\n forward-addr: 127.0.0.1@" << port << "\n";
  lab::ChildProcess unbound({"/usr/sbin/unbound", "-d", "-c", folder + "/unbound.conf"}, folder);
  until(
      world, [&] { return std::filesystem::exists(folder + "/pid"); }, "unbound listens");
  world.relay.options().tables["dns"]["servers"] = "[" + lab::toml(address + ":" + port) + "]";
  world.relay.write_configuration();
  world.relay.start();
  delivered(world, world.relay.mail("b@cached.test"), {.mx = domain.mx[0], .tls = true});
  domain.mx[0]->starttls(lab::Starttls::stripped);
  deferred(world, world.relay.mail("c@cached.test"), {}, {.policy = true});
  CHECK_FALSE(unbound.ended());
}
