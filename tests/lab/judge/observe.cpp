// Facts of one attack, gathered from the servers' records.
#include "tests/lab/judge/observe.hpp"

#include <algorithm>

#include "protocol/base/text.hpp"

namespace lab::judge {
namespace {

bool is_within(const std::string& name, const std::string& domain) {
  return name == domain || name.ends_with("." + domain);
}

bool has(const std::vector<std::string>& recipients, const std::string& recipient) {
  return std::any_of(recipients.begin(), recipients.end(),
                     [&](const std::string& one) { return base::equals_ignoring_case(one, recipient); });
}

bool is_mail_from(const Command& command, const std::string& sender) {
  return base::starts_with_ignoring_case(command.line, "MAIL") &&
         base::lower(command.line).find("<" + sender + ">") != std::string::npos;
}

void tell(const MxHost& host, const Session& session, std::vector<std::string>& lines) {
  lines.push_back("-- SMTP at " + host.host() + " [" + host.address() + "]");
  bool tls = false;
  std::size_t said = 0;
  const auto reply = [&](std::size_t until) {
    for (; said < session.replies.size() && session.replies[said].first <= until; ++said)
      lines.push_back("S: " + base::printable(session.replies[said].second, 160));
  };
  for (std::size_t i = 0; i < session.commands.size(); ++i) {
    reply(i);
    if (session.commands[i].tls && !tls)
      lines.push_back(
          "-- " + session.tls +
          (session.server_name.empty() ? ", no SNI" : ", SNI " + base::printable(session.server_name, 100)));
    tls = session.commands[i].tls;
    lines.push_back("C: " + base::printable(session.commands[i].line, 160));
  }
  reply(session.commands.size());
  if (!session.error.empty()) lines.push_back("-- " + base::printable(session.error, 160));
}

}  // namespace

std::string sender_of(const Field& field) {
  return field.attack.name + "@sender.test";
}

std::string victim_of(const Field& field) {
  return "victim@" + field.name;
}

std::string first_sender_of(const Field& field) {
  return "first-" + field.attack.name + "@sender.test";
}

std::string first_recipient_of(const Field& field) {
  return "first@" + (field.attack.first_domain.empty() ? "" : field.attack.first_domain + ".") + field.name;
}

std::vector<Sighting> sightings(const Field& field) {
  std::vector<Sighting> found;
  for (const auto& message : field.lab.seen()) {
    if (!has(message.recipients, victim_of(field))) continue;
    found.push_back({.host = message.mx->host(),
                     .tls = message.tls,
                     .worthy = field.worthy.contains(message.mx),
                     .accepted = message.accepted,
                     .body = *message.body});
  }
  for (const MxHost* host : field.hosts)
    for (const auto& session : host->sessions())
      for (const auto& command : session.commands)
        if (is_mail_from(command, sender_of(field)))
          found.push_back({.host = host->host(),
                           .tls = command.tls ? session.tls : "",
                           .worthy = field.worthy.contains(host),
                           .whole = false});
  return found;
}

bool first_has_arrived(const Field& field) {
  return !field.lab.arrived(first_recipient_of(field)).empty();
}

bool was_asked(const Field& field) {
  const auto log = field.lab.dns().log();
  return std::any_of(log.begin(), log.end(), [&](const auto& query) { return is_within(query.name, field.name); }) ||
         visits(field) > 0;
}

int visits(const Field& field) {
  std::size_t all = 0;
  for (const MxHost* host : field.hosts) all += host->sessions().size();
  return static_cast<int>(all);
}

std::string starved(const Field& field) {
  auto visits = field.lab.web().visits();
  std::erase_if(visits, [&](const Visit& visit) { return visit.server_name != field.domain->policy_host(); });
  return starved(visits);
}

bool was_returned(const Field& field) {
  // A notice of delay comes to the same address; only a failure counts (RFC 3464 §2.3.3).
  for (const auto& message : field.lab.arrived(sender_of(field)))
    if (message.sender.empty() && base::lower(*message.body).find("action: failed") != std::string::npos) return true;
  return false;
}

std::vector<std::string> transcript(const Field& field) {
  std::vector<std::string> lines;
  std::string asked;
  for (const auto& query : field.lab.dns().log())
    if (is_within(query.name, field.name)) {
      const std::string one = query.name + " " + query.type;
      if ((asked + ",").find(" " + one + ",") == std::string::npos) asked += (asked.empty() ? " " : ", ") + one;
    }
  if (!asked.empty()) lines.push_back("DNS:" + base::printable(asked, 600));
  for (const auto& request : field.lab.web().requests())
    if (is_within(request.server_name, field.name))
      lines.push_back("HTTPS: " + request.server_name + ": " + base::printable(request.line, 120));
  for (const MxHost* host : field.hosts)
    for (const auto& session : host->sessions()) tell(*host, session, lines);
  constexpr std::size_t most = 120;
  if (lines.size() > most) {
    lines.resize(most);
    lines.emplace_back("-- and so on");
  }
  return lines;
}

}  // namespace lab::judge
