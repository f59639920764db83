// Servers for the whole catalogue.
#include "tests/lab/judge/grounds.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <ostream>

#include "tests/lab/judge/catalogue.hpp"

namespace lab::judge {

Grounds::Grounds(const LabConfig& config, const std::function<bool(const Attack&)>& wanted) : config_(config) {
  std::filesystem::create_directories(config_.directory);
  config_.servers.authority = config_.directory + "/lab-ca-key.pem";
  config_.servers.zone_key = config_.directory + "/root-key.pem";
  lab_ = std::make_unique<Laboratory>(config_.servers);
  std::ofstream(config_.root()) << lab_->ca().pem();
  std::ofstream(config_.trust_anchor()) << lab_->dns().trust_anchor();
  // The server plays a validating resolver, and the signed zone for one that is real: senders without DANE pay no heed.
  lab_->dns().sign(true);
  for (const auto& attack : catalogue())
    if (!wanted || wanted(attack)) fields_.push_back(set_up(*lab_, attack, config_.zone));
}

void Grounds::describe(std::ostream& out) const {
  const auto& servers = config_.servers;
  const auto hosts = lab_->hosts();
  out << "DNS           " << lab_->dns_server() << "  UDP and TCP, says AD and signs\n"
      << "policy hosts  " << servers.policy_address << ":" << lab_->https_port() << "\n"
      << "MX hosts      " << hosts.front()->address() << " to " << hosts.back()->address() << ", port "
      << lab_->smtp_port() << "\n"
      << "trust         " << config_.root() << "\n"
      << "DNS trust     " << config_.trust_anchor() << "  for a validating resolver in front: sts-lab guide unbound\n"
      << "domains       " << fields_.size() << " below " << config_.zone << ": sts-lab judge --list" << std::endl;
}

int serve(const LabConfig& config, std::ostream& out) {
  // Before any thread is started, so that none of them takes a signal.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  Grounds grounds(config, {});
  grounds.describe(out);
  out << "ready: SIGUSR1 begins the attacks that need a past, SIGTERM ends" << std::endl;
  bool struck = false;
  for (;;) {
    int number = 0;
    sigwait(&signals, &number);
    if (number != SIGUSR1) return 0;
    if (struck) continue;
    struck = true;
    for (auto& field : grounds.fields())
      if (field.attack.needs_past) strike(field);
    out << "the attacks that need a past have begun" << std::endl;
  }
}

}  // namespace lab::judge
