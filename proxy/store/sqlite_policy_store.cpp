// What is written goes to the writer thread; what is read is read at once.
#include "proxy/store/sqlite_policy_store.hpp"

#include <utility>

namespace proxy {
namespace {

// What makes the file this program's comes first; the writer then sets the journal's mode, on which a reader relies.
GroupCommit<PolicyWriter>::Open prepared(const std::string& file) {
  prepare_policy_database(file);
  return [file] { return std::make_unique<PolicyWriter>(file); };
}

}  // namespace

SqlitePolicyStore::SqlitePolicyStore(const std::string& file) : writes_(prepared(file)), reader_(file) {}

std::optional<policy::sts::CacheEntry> SqlitePolicyStore::load(std::string_view domain) {
  return reader_.load(domain);
}

std::vector<policy::sts::CacheEntry> SqlitePolicyStore::load_all() {
  return reader_.load_all();
}

std::vector<policy::sts::CacheEntry> SqlitePolicyStore::due(const Cursor& after, policy::sts::Time now,
                                                            unsigned limit) {
  return reader_.due(after, now, limit);
}

std::optional<policy::sts::Time> SqlitePolicyStore::next_due() {
  return reader_.next_due();
}

std::vector<Exemption> SqlitePolicyStore::exemptions() {
  return reader_.exemptions();
}

boost::asio::awaitable<bool> SqlitePolicyStore::save(policy::sts::CacheEntry entry) {
  return writes_.submit([entry = std::move(entry)](PolicyWriter& writer) { writer.save(entry); });
}

boost::asio::awaitable<bool> SqlitePolicyStore::remove(std::string domain) {
  return writes_.submit([domain = std::move(domain)](PolicyWriter& writer) { writer.remove(domain); });
}

boost::asio::awaitable<bool> SqlitePolicyStore::used(std::string domain, policy::sts::Time now) {
  return writes_.submit([domain = std::move(domain), now](PolicyWriter& writer) { writer.used(domain, now); });
}

boost::asio::awaitable<bool> SqlitePolicyStore::keep(std::string domain, policy::sts::Upkeep upkeep) {
  return writes_.submit(
      [domain = std::move(domain), upkeep = std::move(upkeep)](PolicyWriter& writer) { writer.keep(domain, upkeep); });
}

boost::asio::awaitable<bool> SqlitePolicyStore::pull_in(policy::sts::Time now, policy::sts::Time latest) {
  return writes_.submit([now, latest](PolicyWriter& writer) { writer.pull_in(now, latest); });
}

boost::asio::awaitable<bool> SqlitePolicyStore::tidy(policy::sts::Time now, std::uint64_t most) {
  return writes_.submit([now, most](PolicyWriter& writer) { writer.tidy(now, most); });
}

boost::asio::awaitable<bool> SqlitePolicyStore::exempt(Exemption exemption) {
  return writes_.submit([exemption = std::move(exemption)](PolicyWriter& writer) { writer.exempt(exemption); });
}

boost::asio::awaitable<bool> SqlitePolicyStore::end_exemption(std::string domain) {
  return writes_.submit([domain = std::move(domain)](PolicyWriter& writer) { writer.end_exemption(domain); });
}

void SqlitePolicyStore::write_later(std::function<void(sqlite::Connection&)> work) {
  writes_.later([work = std::move(work)](PolicyWriter& writer) { work(writer.connection()); });
}

}  // namespace proxy
