// The agenda again, naively: vectors that are searched from end to end, so that each rule can be read off. It is slow,
// and it does not choose: it says whether what the agenda chose was allowed, and whether choosing nothing was.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

#include "policy/queue/agenda.hpp"

namespace policy::queue::test {

struct Item {
  std::int64_t message;
  std::string domain, sender;
  Time due;
  bool is_released = false;  ///< healed or kicked: due, whatever its time says
  bool was_due = false;      ///< by a clock that has been adjusted since
  bool is_due(Time now) const { return is_released || due <= now; }
  bool may_go(Time now) const { return was_due || is_due(now); }
};

struct Held {
  std::int64_t message;
  std::string domain;
  unsigned turn;
};

struct Host {
  unsigned failures = 0, turn = 0, window = 0;
  Time not_before{};
  bool was_open = false;  ///< by a clock that has been adjusted since
};

class Model {
 public:
  explicit Model(Agenda::Options options) : options_(std::move(options)) {}

  void add(std::int64_t message, const std::string& domain, const std::string& sender, Time due) {
    host(domain);
    items_.push_back({message, domain, sender, due});
  }

  /// The agenda handed this out.
  void next(const std::optional<Unit>& unit, Time now) {
    see(now);
    std::erase_if(hosts_, [&](const auto& one) { return is_idle(one.first) && is_open(one.second); });
    notice_who_cannot();
    if (unit) {
      handed_out(*unit);
    } else if (held_.size() < options_.units) {
      for (const auto& [name, at] : hosts_) require(!is_able(name), "a unit is due and was not handed out");
    }
  }

  void ended(const Unit& unit, Agenda::Ended how, Time now, double chance) {
    see(now);
    const auto found = std::find_if(held_.begin(), held_.end(), [&](const auto& one) {
      return one.message == unit.message && one.domain == unit.domain;
    });
    if (found == held_.end()) return;
    auto& at = host(unit.domain);
    const bool is_news = found->turn == at.turn, was_full = in_work(unit.domain) >= at.window;
    held_.erase(found);
    if (how == Agenda::Ended::served) {
      if (at.failures > 0) {
        heal(unit.domain);
      } else if (was_full) {
        at.window = std::min(2 * at.window, options_.units_per_domain);
      }
    }
    if (how == Agenda::Ended::domain_failed && is_news) {
      at.failures += 1;
      at.turn += 1;
      at.not_before = now + pause(options_.retry, at.failures, chance);
      at.was_open = false;
    }
    forget_if_idle(unit.domain);
  }

  void alive(const std::string& domain, Time now) {
    see(now);
    if (!hosts_.contains(domain) || hosts_[domain].failures == 0) return;
    heal(domain);
    forget_if_idle(domain);
  }

  void kick(const std::string& domain, Time now) {
    see(now);
    if (!hosts_.contains(domain)) return;
    if (hosts_[domain].failures > 0) hosts_[domain].turn += 1;
    hosts_[domain].failures = 0;
    hosts_[domain].window = options_.units_per_domain;
    release(domain);
    forget_if_idle(domain);
  }

  void change(std::vector<std::chrono::milliseconds> retry) { options_.retry = std::move(retry); }

  /// What wake() says after next() has given nothing. Later than `latest` would be too late; earlier than what an
  /// adjusted clock excuses would be for nothing.
  void check_wake(std::optional<Time> wake) const {
    std::optional<Time> latest, earliest;
    if (held_.size() < options_.units) {
      for (const auto& item : items_) {
        const auto& at = hosts_.at(item.domain);
        if (!has_room(item.domain)) continue;
        const auto opens = at.failures > 0 ? at.not_before : Time::min();
        const auto late = std::max(opens, item.is_released ? Time::min() : item.due);
        const auto early = std::max(opens, item.may_go(now_) ? Time::min() : item.due);
        latest = std::min(latest.value_or(late), late);
        earliest = std::min(earliest.value_or(early), early);
      }
    }
    require(wake.has_value() == latest.has_value(), wake ? "wake: for nothing" : "wake: never, and something waits");
    if (!wake) return;
    require(*wake > now_, "wake: at once, and next() gives nothing");
    require(*wake <= *latest, "wake: too late");
    require(*wake >= *earliest, "wake: too early");
  }

  void check_status(const Agenda& agenda, const std::string& domain) const {
    const auto status = agenda.status(domain);
    const auto mine =
        std::count_if(items_.begin(), items_.end(), [&](const auto& one) { return one.domain == domain; });
    require(status.waiting + status.ready == static_cast<std::size_t>(mine), "status: units");
    require(status.in_work == in_work(domain), "status: in work");
    require(agenda.size() == items_.size(), "size");
    const auto found = hosts_.find(domain);
    const unsigned failures = found == hosts_.end() ? 0 : found->second.failures;
    require(status.failures == failures, "status: failures");
    require(status.not_before.has_value() == (failures > 0), "status: a pause");
    require(failures == 0 || status.not_before == found->second.not_before, "status: until when");
  }

  const std::vector<Held>& held() const { return held_; }
  std::size_t size() const { return items_.size(); }

 private:
  static void require(bool is_right, const char* what) {
    if (!is_right) throw std::logic_error(what);
  }

  Host& host(const std::string& name) {
    return hosts_.try_emplace(name, Host{.window = options_.units_per_domain}).first->second;
  }

  void see(Time now) {
    const auto by = now_ - now;
    now_ = now;
    if (by > std::chrono::minutes(1)) {
      for (auto& item : items_) item.due -= by;
      for (auto& [name, at] : hosts_) at.not_before -= by;
    }
    for (auto& item : items_) item.was_due |= item.due <= now;
    for (auto& [name, at] : hosts_) at.was_open |= is_open(at);
    notice_who_cannot();
  }

  std::size_t in_work(const std::string& domain) const {
    return static_cast<std::size_t>(
        std::count_if(held_.begin(), held_.end(), [&](const auto& one) { return one.domain == domain; }));
  }
  bool is_idle(const std::string& domain) const {
    return in_work(domain) == 0 &&
           std::none_of(items_.begin(), items_.end(), [&](const auto& one) { return one.domain == domain; });
  }
  bool is_open(const Host& at) const { return at.failures == 0 || now_ >= at.not_before; }
  bool has_room(const std::string& domain) const {
    const auto& at = hosts_.at(domain);
    if (at.failures == 0) return in_work(domain) < at.window;
    const bool is_probed = std::any_of(held_.begin(), held_.end(),
                                       [&](const auto& one) { return one.domain == domain && one.turn == at.turn; });
    return !is_probed && in_work(domain) < options_.units_per_domain;
  }
  bool has_due(const std::string& domain) const {
    return std::any_of(items_.begin(), items_.end(),
                       [&](const auto& one) { return one.domain == domain && one.is_due(now_); });
  }
  /// Something of it has to be handed out now, limits of the whole aside.
  bool is_able(const std::string& domain) const {
    return has_room(domain) && is_open(hosts_.at(domain)) && has_due(domain);
  }

  void release(const std::string& domain) {
    for (auto& item : items_) item.is_released |= item.domain == domain;
  }
  void heal(const std::string& domain) {
    auto& at = host(domain);
    at.failures = 0;
    at.turn += 1;
    at.window = 1;
    release(domain);
  }
  void forget_if_idle(const std::string& domain) {
    if (is_idle(domain) && is_open(host(domain))) hosts_.erase(domain);
    notice_who_cannot();
  }

  void handed_out(const Unit& unit) {
    require(held_.size() < options_.units, "more in work than allowed");
    require(hosts_.contains(unit.domain), "an unknown domain");
    const auto& at = hosts_[unit.domain];
    require(has_room(unit.domain), at.failures > 0 ? "a second probe" : "more of the domain in work than allowed");
    require(at.failures == 0 || at.was_open, "a probe before the pause was over");
    auto found = items_.end();
    for (auto item = items_.begin(); item != items_.end(); ++item) {
      if (item->message != unit.message || item->domain != unit.domain || !item->may_go(now_)) continue;
      if (found == items_.end() || item->due < found->due) found = item;
    }
    require(found != items_.end(), "a unit that is unknown or not due");
    const Item taken = *found;
    for (const auto& item : items_) {
      if (item.domain != taken.domain || item.sender != taken.sender || !item.is_due(now_)) continue;
      require(item.due >= taken.due, "another of this sender is due longer");
    }
    for (const auto& [name, other] : hosts_) {
      if (name == taken.domain || !is_able(name)) continue;
      require(passed_domain_[name].insert(taken.domain).second, "a domain had two turns while another waited for one");
    }
    for (const auto& item : items_) {
      if (item.domain != taken.domain || item.sender == taken.sender || !item.is_due(now_)) continue;
      fresh_.insert(item.sender);
    }
    for (const auto& sender : fresh_) {
      require(passed_sender_[{taken.domain, sender}].insert(taken.sender).second,
              "a sender had two turns while another waited for one");
    }
    fresh_.clear();
    passed_domain_.erase(taken.domain);
    passed_sender_.erase({taken.domain, taken.sender});
    held_.push_back({taken.message, taken.domain, at.turn});
    items_.erase(found);
    notice_who_cannot();
  }

  /// Who has nothing to hand out has no turn to wait for.
  void notice_who_cannot() {
    std::erase_if(passed_domain_, [&](const auto& one) { return !hosts_.contains(one.first) || !is_able(one.first); });
    std::erase_if(passed_sender_, [&](const auto& one) {
      return std::none_of(items_.begin(), items_.end(), [&](const auto& item) {
        return item.domain == one.first.first && item.sender == one.first.second && item.is_due(now_);
      });
    });
  }

  Agenda::Options options_;
  Time now_{};
  std::vector<Item> items_;
  std::vector<Held> held_;
  std::map<std::string, Host> hosts_;
  std::map<std::string, std::set<std::string>> passed_domain_;
  std::map<std::pair<std::string, std::string>, std::set<std::string>> passed_sender_;
  std::set<std::string> fresh_;
};

}  // namespace policy::queue::test
