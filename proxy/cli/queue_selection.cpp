// The filter, and the pages.
#include "proxy/cli/queue_selection.hpp"

#include <algorithm>

#include "protocol/base/domain_name.hpp"
#include "protocol/base/text.hpp"
#include "proxy/store/queue_table.hpp"

namespace proxy {

namespace {

constexpr std::size_t page_size = 500;

std::string_view without_brackets(std::string_view address) {
  if (address.starts_with('<') && address.ends_with('>')) return address.substr(1, address.size() - 2);
  return address;
}

std::string canonical(const std::string& domain) {
  return base::canonical_domain(domain, base::Alphabet::lookup).value_or(domain);
}

}  // namespace

bool matches(const QueueFilter& filter, const QueuedRecipient& recipient) {
  const auto& path = recipient.rcpt.forward_path;
  if (filter.recipient && !base::equals_ignoring_case(path.address, without_brackets(*filter.recipient))) return false;
  return !filter.domain || path.domain == canonical(*filter.domain);
}

bool matches(const QueueFilter& filter, const QueuedMessage& message) {
  if (filter.sender) {
    const auto& path = message.mail.reverse_path;
    const auto wanted = without_brackets(*filter.sender);
    if (wanted.starts_with('@')) {
      if (path.null() || path.domain != canonical(std::string(wanted.substr(1)))) return false;
    } else if (!base::equals_ignoring_case(path.address, wanted)) {
      return false;
    }
  }
  if (!filter.recipient && !filter.domain) return true;
  return std::any_of(message.recipients.begin(), message.recipients.end(),
                     [&](const auto& recipient) { return matches(filter, recipient); });
}

void each_queued(const std::string& state_dir, const QueueFilter& filter,
                 const std::function<bool(QueuedMessage)>& each) {
  if (!is_queue_database(queue_file(state_dir))) return;
  QueueReader reader(state_dir);
  for (std::int64_t after = 0;;) {
    auto page = reader.page(after, page_size);
    if (page.empty()) return;
    after = page.back().number;
    for (auto& message : page) {
      if (matches(filter, message) && !each(std::move(message))) return;
    }
  }
}

}  // namespace proxy
