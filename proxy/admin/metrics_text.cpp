// The families one by one, and how each kind of metric is written.
#include "proxy/admin/metrics_text.hpp"

namespace proxy {

namespace {

using namespace metrics;

/// In a label's value (the format knows three escapes).
std::string escaped(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    if (c == '\n') {
      text += "\\n";
    } else {
      text += c;
    }
  }
  return text;
}

std::string label(std::string_view name, std::string_view value) {
  return std::string(name) + "=\"" + escaped(value) + '"';
}

/// Microseconds as seconds, without the zeros at the end.
std::string seconds(std::uint64_t microseconds) {
  auto fraction = std::to_string(1'000'000 + microseconds % 1'000'000).substr(1);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return std::to_string(microseconds / 1'000'000) + (fraction.empty() ? "" : '.' + fraction);
}

class Page {
 public:
  /// Counters are named `..._total`.
  template <class Metric>
  void counter(std::string_view name, std::string_view help, const Metric& metric) {
    family(name, "counter", help);
    samples(name, "", metric);
  }
  template <class Metric>
  void gauge(std::string_view name, std::string_view help, const Metric& metric) {
    family(name, "gauge", help);
    samples(name, "", metric);
  }
  void histogram(std::string_view name, std::string_view help, const Histogram& metric) {
    family(name, "histogram", help);
    const std::string base(name);
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < Histogram::bounds.size(); ++i) {
      below += metric.in_bucket(i);
      sample(base + "_bucket", label("le", seconds(static_cast<std::uint64_t>(Histogram::bounds[i]))),
             std::to_string(below));
    }
    below += metric.in_bucket(Histogram::bounds.size());
    sample(base + "_bucket", label("le", "+Inf"), std::to_string(below));
    sample(base + "_sum", "", seconds(metric.microseconds()));
    sample(base + "_count", "", std::to_string(below));
  }
  /// A gauge that is always 1 and says something in its label.
  void info(std::string_view name, std::string_view help, std::string_view key, std::string_view value) {
    family(name, "gauge", help);
    sample(name, label(key, value), "1");
  }

  std::string take() { return std::move(text_); }

 private:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    text_.append("# HELP ").append(name).append(" ").append(help).append("\n");
    text_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
  }
  void sample(std::string_view name, std::string_view labels, std::string_view value) {
    text_.append(name);
    if (!labels.empty()) text_.append("{").append(labels).append("}");
    text_.append(" ").append(value).append("\n");
  }
  void samples(std::string_view name, const std::string& labels, const Counter& metric) {
    sample(name, labels, std::to_string(metric.value()));
  }
  void samples(std::string_view name, const std::string& labels, const Gauge& metric) {
    sample(name, labels, std::to_string(metric.value()));
  }
  template <class Key, class Metric>
  void samples(std::string_view name, const std::string& labels, const By<Key, Metric>& metrics) {
    for (std::size_t i = 0; i < Label<Key>::values.size(); ++i) {
      const auto own = label(Label<Key>::name, Label<Key>::values[i]);
      samples(name, labels.empty() ? own : labels + ',' + own, metrics[static_cast<Key>(i)]);
    }
  }

  std::string text_;
};

void write(Page& page, const Inbound& in) {
  page.gauge("sts_relay_sessions_open", "Client sessions that are open, by their TLS.", in.sessions_open);
  page.counter("sts_relay_sessions_total", "Client sessions that have ended, by their TLS.", in.sessions);
  page.counter("sts_relay_clients_refused_total", "Clients outside allow, or over a limit.", in.clients_refused);
  page.counter("sts_relay_authentications_total", "Clients that authenticated, or failed to.", in.authentications);
  page.counter("sts_relay_client_tls_failures_total",
               "Clients whose handshake failed, or with plaintext behind their STARTTLS.", in.client_tls_failures);
  page.counter("sts_relay_content_refused_total", "Messages refused for what they hold.", in.content_refused);
  page.histogram("sts_relay_rcpt_answer_seconds", "From a batch of RCPT to its replies.", in.rcpt_answer);
  page.histogram("sts_relay_final_reply_seconds", "From the end of a message to its final reply.", in.final_reply);
}

void write(Page& page, const Outbound& out) {
  page.counter("sts_relay_messages_total",
               "Messages that had their end, one for each recipient domain, by the mode of its policy.", out.messages);
  page.counter("sts_relay_deliveries_total", "Messages delivered, by what the connection had proven.", out.deliveries);
  page.counter("sts_relay_testing_failures_total",
               "Messages sent under a policy in mode testing that enforce would have kept back.", out.testing_failures);
  page.counter("sts_relay_weaker_total", "Messages to domains without an enforced policy that proved less than before.",
               out.weaker);
  page.gauge("sts_relay_memory_domains", "Domains of which is remembered what they have proven.", out.memory_domains);
  page.gauge("sts_relay_mx_connections_open", "Connections to MX hosts, idle ones included.", out.connections_open);
  page.counter("sts_relay_mx_connections_total", "Connections made to MX hosts.", out.connections);
  page.gauge("sts_relay_dane_on", "Whether TLSA records count.", out.dane_on);
}

void write(Page& page, const Sts& sts) {
  page.gauge("sts_relay_mta_sts_enabled", "Whether what domains publish is applied.", sts.enabled);
  page.counter("sts_relay_policy_lookups_total", "Questions for a domain's policy, by whether memory had the answer.",
               sts.cache_lookups);
  page.gauge("sts_relay_policy_cache_entries", "Domains in memory, with a policy or known to have none.",
             sts.cache_entries);
  page.gauge("sts_relay_policy_cache_bytes", "What the policies in memory take.", sts.cache_octets);
  page.counter("sts_relay_policy_record_lookups_total", "Lookups of _mta-sts TXT records.", sts.record_lookups);
  page.counter("sts_relay_policy_fetches_total", "Policy fetches, by whom for and what came of it.", sts.fetches);
  page.histogram("sts_relay_policy_fetch_seconds", "How long policy fetches took.", sts.fetch);
  page.gauge("sts_relay_policy_refresh_failing", "Stored policies, but of mode none, whose last refresh failed.",
             sts.refresh_failing);
  page.gauge("sts_relay_policy_refresh_failing_oldest_seconds",
             "How long the refreshes of one of them have been failing, of the one that fails longest; 0: none fails.",
             sts.refresh_failing_seconds);
  page.gauge("sts_relay_policies_unsaved", "Changes that the database could not take yet.", sts.unsaved);
  page.gauge("sts_relay_exemptions", "Exemptions in force: what these domains publish is not applied.", sts.exemptions);
}

void write(Page& page, const Dns& dns) {
  page.counter("sts_relay_dns_queries_total", "Questions to DNS servers, by their answer.", dns.queries);
  page.counter("sts_relay_dns_cache_hits_total", "Lookups answered from memory.", dns.cache_hits);
}

void write(Page& page, const Queue& queue) {
  page.gauge("sts_relay_queue_messages", "Messages in the queue, reports to senders among them.", queue.messages);
  page.gauge("sts_relay_queue_bytes", "What they take.", queue.octets);
  page.gauge("sts_relay_queue_in_hand", "Of them, what is being tried or settled now.", queue.in_hand);
  page.counter("sts_relay_queue_taken_total", "Messages that clients were told are queued.", queue.taken);
  page.counter("sts_relay_queue_attempts_total", "Recipients of queued messages that were tried, by what came of it.",
               queue.attempts);
  page.counter("sts_relay_reports_total", "Reports to senders, by what they say.", queue.reports);
  page.counter("sts_relay_queue_refused_total", "Messages not taken because of a limit or a full disk.", queue.refused);
  page.counter("sts_relay_queue_store_failures_total", "Writes of the queue that failed.", queue.store_failures);
}

}  // namespace

std::string metrics_text(const Metrics& metrics, std::string_view version) {
  Page page;
  page.info("sts_relay_build_info", "The program.", "version", version);
  page.gauge("sts_relay_start_time_seconds", "When it was started, in seconds since 1970.", metrics.started);
  write(page, metrics.inbound);
  write(page, metrics.outbound);
  write(page, metrics.sts);
  write(page, metrics.dns);
  write(page, metrics.queue);
  return page.take();
}

}  // namespace proxy
