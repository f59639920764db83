// Domains of the catalogue, made in the laboratory.
#include "tests/lab/judge/attack.hpp"

#include <algorithm>

#include "tests/lab/tlsa.hpp"

namespace lab::judge {

std::string_view words(Side side) {
  switch (side) {
    case Side::control: return "control";
    case Side::policy: return "policy";
    case Side::past: return "past";
    case Side::mx: return "mx";
    case Side::dane: return "dane";
    case Side::smtp: return "smtp";
  }
  return "";
}

std::string_view heading(Side side) {
  switch (side) {
    case Side::control: return "Healthy controls";
    case Side::policy: return "The policy, at first contact";
    case Side::past: return "After a first message in peace";
    case Side::mx: return "The MX hosts, at first contact";
    case Side::dane: return "DANE";
    case Side::smtp: return "SMTP";
  }
  return "";
}

std::string words(const Good& good) {
  if (good == must_deliver) return "delivered";
  if (good == must_defer) return "deferred";
  if (good == may_deliver) return "delivered by a good host, or deferred";
  return "delivered whole, deferred, or refused";
}

MxHost& Field::host(const std::string& host_name, const std::string& address) {
  hosts.push_back(&lab.mx(host_name, {.address = address}));
  return *hosts.back();
}

void Field::certificate(const std::vector<std::string>& names, const CertificateOptions& options) const {
  mx().certificate(lab.ca().issue(names, options).path);
}

void Field::tlsa(const MxHost& host, const std::vector<std::string>& records) const {
  lab.dns().set("_" + std::to_string(host.port()) + "._tcp." + host.host(), "TLSA", records);
}

std::string Field::denying_policy() const {
  return "version: STSv1\r\nmode: enforce\r\nmx: mx.attacker." + name + "\r\nmax_age: 31557600\r\n";
}

std::string Field::disarming_policy() const {
  return "version: STSv1\r\nmode: none\r\nmax_age: 31557600\r\n";
}

Attack Table::operator()(std::string name, std::string title, std::string deed, std::string rule, std::string source,
                         Step attack, std::optional<Good> other_good, std::optional<DomainOptions> other_domain) const {
  return {.side = side,
          .name = std::move(name),
          .title = std::move(title),
          .deed = std::move(deed),
          .rule = std::move(rule),
          .source = std::move(source),
          .good = other_good.value_or(good),
          .domain = other_domain.value_or(domain),
          .attack = attack,
          .needs_past = needs_past};
}

Field set_up(Laboratory& lab, const Attack& attack, const std::string& zone) {
  Field field{.lab = lab, .attack = attack, .name = attack.name + "." + zone};
  field.domain = &lab.domain(field.name, attack.domain);
  field.hosts = field.domain->mx;
  if (attack.good.delivered || attack.needs_past) field.worthy.insert(field.domain->mx.begin(), field.domain->mx.end());
  if (attack.peace != nullptr) attack.peace(field);
  if (!attack.needs_past) strike(field);
  return field;
}

void strike(Field& field) {
  if (!field.attack.good.delivered) field.worthy.clear();
  if (field.attack.attack != nullptr) field.attack.attack(field);
}

}  // namespace lab::judge
