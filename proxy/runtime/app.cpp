// Start, signals, reload, drain, end.
#include "proxy/runtime/app.hpp"

#include <sys/prctl.h>

#include <atomic>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "proxy/admin/administration.hpp"
#include "proxy/admin/control_socket.hpp"
#include "proxy/admin/metrics_server.hpp"
#include "proxy/admin/metrics_text.hpp"
#include "proxy/dns/caching_resolver.hpp"
#include "proxy/dns/dnssec.hpp"
#include "proxy/inbound/acceptor.hpp"
#include "proxy/inbound/certificates.hpp"
#include "proxy/outbound/domain_memory.hpp"
#include "proxy/runtime/own_addresses.hpp"
#include "proxy/runtime/worker.hpp"
#include "proxy/store/memory_table.hpp"
#include "proxy/store/sqlite_policy_store.hpp"
#include "proxy/store/sqlite_queue_store.hpp"
#include "proxy/store/state_directory.hpp"
#include "proxy/sts/https_fetcher.hpp"
#include "proxy/sts/mta_sts_service.hpp"
#include "proxy/sts/overridden_policies.hpp"
#include "proxy/sts/refresher.hpp"

namespace proxy {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds drain_poll(20);
constexpr std::chrono::seconds farewell(4);
constexpr std::chrono::hours reminder(1);

class App {
 public:
  explicit App(const Config& config)
      : config_(std::make_shared<const Config>(config)),
        tls_(std::make_shared<const TlsContexts>(config.trust_anchors, trust_anchors_of_next_hops(config))),
        state_(StateDirectory::open(config.state_dir)),
        store_(database_file(config.state_dir)),
        memory_(load_memory(database_file(config.state_dir), std::chrono::system_clock::now()),
                [this](const std::string& domain, const std::optional<policy::memory::Record>& record) {
                  store_.write_later([domain, record](sqlite::Connection& to) { save_memory(to, domain, record); });
                }),
        dnssec_(config.dns),
        resolver_(make_resolver(control_)),
        fetcher_(control_.get_executor(), *resolver_, [this] { return tls_.load(); },
                 {.timeout = config.mta_sts.fetch_timeout,
                  .port = config.lab.https_port,
                  .allow_loopback = config.lab.allow_loopback}),
        policies_(control_.get_executor(), *resolver_, fetcher_, store_, config.mta_sts),
        refresher_(control_.get_executor(), policies_, store_, config.mta_sts.refresh_every),
        overridden_(policies_, [this] { return config_.load(); }),
        administration_({.service = policies_,
                         .refresher = refresher_,
                         .store = store_,
                         .config = [this] { return config_.load(); },
                         .put_in_force = [this](Exemptions all) { put_in_force(std::move(all)); },
                         .queue = &queue_orders_}),
        queue_store_(config.state_dir),
        queue_({.control = control_.get_executor(),
                .store = queue_store_,
                .config = [this] { return config_.load(); },
                .on_worker = [this](auto work) { least_busy().run(std::move(work)); },
                .directory = config.state_dir}),
        destinations_(config.delivery.connections_per_host),
        queue_orders_({.queue = queue_, .forgive = [this] { destinations_.forgive(); }}),
        limits_(config.limits.connections, config.limits.connections_per_client),
        signals_(control_, SIGTERM, SIGINT, SIGHUP) {
    destinations_.on_pressure([this](const std::string& host) {
      for (auto& worker : workers_) worker->shed(host);
    });
  }

  void run() {
    put_in_force(by_domain(store_.exemptions()));
    listen();
    listen_for_scrapes();
    const Shared shared{overridden_,
                        destinations_,
                        [this] { return config_.load(); },
                        [this] { return tls_.load(); },
                        [this](const std::string& address, std::uint16_t port) { return own_.contains(address, port); },
                        &memory_,
                        [this](const std::string& domain) { queue_.delivered(domain); }};
    probe_dnssec();
    const auto count = worker_count();
    for (unsigned i = 0; i < count; ++i) {
      workers_.push_back(
          std::make_unique<Worker>(shared, [this](asio::io_context& context) { return make_resolver(context); }));
    }
    for (auto& worker : workers_) worker->start();
    queue_.start();
    for (auto& acceptor : acceptors_) acceptor->start();
    log::Event(log::Level::info, "ready").add("workers", count).add("version", STS_RELAY_VERSION);
    refresher_.start();
    serve_control();
    if (metrics_server_) metrics_server_->start();
    spawn(control_.get_executor(), remind(), "reminder");
    spawn(control_.get_executor(), signals(), "signals");
    spawn(control_.get_executor(), dnssec_.keep_probing(control_.get_executor()), "DNSSEC probe");
    spawn(control_.get_executor(), certificates_.watch(control_.get_executor()), "certificates");
    control_.run();
    for (auto& worker : workers_) worker->finish();
    if (!workers_end()) {
      // What still waits for an MX holds nothing that was accepted; its client sends it again.
      log::Event(log::Level::warn, "stopped").add("reason", "drain is over, connections were cut");
      std::_Exit(exit_ok);
    }
    for (auto& worker : workers_) worker->join();
    authenticator_.join();
    log::Event(log::Level::info, "stopped").add("reason", "asked to");
  }

 private:
  std::unique_ptr<CachingResolver> make_resolver(asio::io_context& context) {
    ResolverOptions options;
    options.trust_ad = [this](const HostPort& server) { return dnssec_.validates(server); };
    return std::make_unique<CachingResolver>(context.get_executor(), config_.load()->dns.servers, std::move(options));
  }

  // Before the first message, so that none goes by another rule than the next.
  void probe_dnssec() {
    asio::io_context context(1);
    asio::co_spawn(context, dnssec_.probe(context.get_executor()), [&](const std::exception_ptr& error) {
      context.stop();
      if (error) std::rethrow_exception(error);
    });
    context.run();
    const bool declared = config_.load()->dns.dnssec == Config::Dns::Dnssec::on;
    const auto words = dnssec_.words();
    log::Event(declared && words.find("loopback") != std::string::npos ? log::Level::warn : log::Level::info, "dane")
        .add("on", dnssec_.validates())
        .add("reason", words);
  }

  unsigned worker_count() const {
    const auto configured = config_.load()->workers;
    return configured != 0 ? configured : std::min(std::max(1u, std::thread::hardware_concurrency()), 4u);
  }

  void listen() {
    const auto config = config_.load();
    for (std::size_t i = 0; i < config->listeners.size(); ++i) {
      const auto& listener = config->listeners[i];
      auto facts = std::make_shared<std::shared_ptr<const ListenerFacts>>();
      auto acceptor = std::make_unique<Acceptor>(
          control_.get_executor(), listener.address,
          [this, facts](int descriptor, bool v6, const std::string& client) { take(*facts, descriptor, v6, client); });
      const auto local = acceptor->local();
      *facts = listener_facts(*config, listener, local.port(),
                              {certificates_.add(listener), users_of(listener), authenticator_, queue_});
      own_.add(local.address().to_string(), local.port());
      log::Event(log::Level::info, "listening")
          .add("listener", static_cast<std::int64_t>(i))
          .add("address", text_of(local));
      acceptors_.push_back(std::move(acceptor));
    }
  }

  // A file that cannot be read any more keeps who is in force; load_config has said what is wrong with it.
  std::shared_ptr<const ServedUsers> users_of(const ListenerConfig& listener) {
    if (listener.auth_users.empty()) return nullptr;
    auto served =
        std::make_shared<ServedUsers>(std::make_shared<const Users>(std::move(load_users(listener.auth_users).users)));
    users_.emplace_back(listener.address, served);
    return served;
  }
  void reload_users(const Config& config) {
    for (const auto& [address, served] : users_) {
      for (const auto& listener : config.listeners) {
        if (listener.address != address || listener.auth_users.empty()) continue;
        served->set(std::make_shared<const Users>(std::move(load_users(listener.auth_users).users)));
      }
    }
  }

  // Its line is no listener's: it has no number.
  void listen_for_scrapes() {
    const auto address = config_.load()->metrics.address;
    if (!address) return;
    metrics_server_.emplace(control_.get_executor(), *address, [this] { return measured(); });
    log::Event(log::Level::info, "listening").add("metrics", text_of(metrics_server_->local()));
  }

  std::string measured() {
    using metrics::Exempt;
    auto& all = metrics::all;
    const auto config = config_.load();
    policies_.measure();
    const auto exempt = exemptions_in_force(*config, std::chrono::system_clock::now());
    all.sts.exemptions[Exempt::configuration].set(exempt.configured);
    all.sts.exemptions[Exempt::command].set(exempt.commanded);
    all.sts.enabled.set(config->mta_sts.enabled ? 1 : 0);
    all.outbound.memory_domains.set(static_cast<std::int64_t>(memory_.size()));
    const auto queued = queue_.counts();
    all.queue.messages.set(static_cast<std::int64_t>(queued.messages));
    all.queue.octets.set(static_cast<std::int64_t>(queued.octets));
    all.queue.in_hand.set(queue_.in_hand());
    all.outbound.dane_on.set(dnssec_.validates() ? 1 : 0);
    return metrics_text(all, STS_RELAY_VERSION);
  }

  static std::string text_of(const asio::ip::tcp::endpoint& endpoint) {
    const auto address = endpoint.address().to_string();
    return (endpoint.address().is_v6() ? '[' + address + ']' : address) + ':' + std::to_string(endpoint.port());
  }

  Worker& least_busy() {
    auto* least = workers_[next_worker_++ % workers_.size()].get();  // of equals, each in turn
    for (auto& worker : workers_) {
      if (worker->sessions() < least->sessions()) least = worker.get();
    }
    return *least;
  }

  void take(const std::shared_ptr<const ListenerFacts>& facts, int descriptor, bool v6, const std::string& client) {
    auto [place, limit] = facts->is_balancer ? limits_.enter_unnamed() : limits_.enter(client);
    least_busy().serve(facts, descriptor, v6, std::move(place), std::move(limit));
  }

  awaitable<void> signals() {
    for (;;) {
      const int signal = co_await signals_.async_wait(asio::use_awaitable);
      if (signal != SIGHUP) break;
      reload();
    }
    co_await drain();
    control_.stop();
  }

  // The configuration in force with the exemptions that are stored; control thread only.
  void put_in_force(Exemptions exemptions) {
    auto changed = std::make_shared<Config>(*config_.load());
    changed->exemptions = std::make_shared<const Exemptions>(std::move(exemptions));
    config_.store(std::move(changed));
  }

  // Without its socket the relay does all but take orders.
  void serve_control() {
    try {
      control_server_.emplace(control_.get_executor(), state_.path(),
                              [this](boost::json::object request) { return administration_.run(std::move(request)); });
      control_server_->start();
    } catch (const std::exception& error) {
      log::Event(log::Level::error, "control_socket_failed").add("reason", error.what());
    }
  }

  static void warn_if_disabled(const Config& config) {
    if (config.mta_sts.enabled) return;
    log::Event(log::Level::warn, "mta_sts_disabled")
        .add("reason", "[mta_sts] enabled = false: what domains publish is not applied");
  }

  awaitable<void> remind() {
    asio::steady_timer timer(control_);
    for (;;) {
      warn_if_disabled(*config_.load());
      timer.expires_after(reminder);
      co_await timer.async_wait(asio::use_awaitable);
    }
  }

  // What a message looks at is swapped; listeners, threads and the state directory stay as they were
  // (docs/operation.md).
  void reload() {
    const auto old = config_.load();
    auto loaded = load_config(old->file, PreloadFaults::leave_out);
    for (const auto& error : loaded.errors)
      log::Event(log::Level::error, "reload_failed").add("reason", message(error));
    if (!loaded.errors.empty()) {
      certificates_.look();  // its certificates are none of the other settings' business
      return;
    }
    try {
      // Also those of before, for who still goes by the old configuration.
      auto further = trust_anchors_of_next_hops(loaded.config);
      const auto before = trust_anchors_of_next_hops(*old);
      further.insert(further.end(), before.begin(), before.end());
      auto contexts =
          std::make_shared<const TlsContexts>(loaded.config.trust_anchors, further, tls_.load()->last_generation() + 1);
      tls_.store(std::move(contexts));
    } catch (const std::exception& error) {
      log::Event(log::Level::error, "reload_failed").add("reason", error.what());
      return;
    }
    certificates_.reload(loaded.config);
    reload_users(loaded.config);
    for (const auto& warning : loaded.warnings) log::Event(log::Level::warn, "configuration").add("reason", warning);
    loaded.config.exemptions = old->exemptions;
    if (old->mta_sts.enabled) warn_if_disabled(loaded.config);
    config_.store(std::make_shared<const Config>(std::move(loaded.config)));
    const auto& dns = config_.load()->dns;
    if (dns.servers != old->dns.servers || dns.dnssec != old->dns.dnssec) change_dns(dns);
    queue_.reload();
    log::Event(log::Level::info, "reloaded").add("file", old->file);
  }

  // O-1: also the system's servers, where the file names none.
  void change_dns(const Config::Dns& dns) {
    auto change = [](App& app, Config::Dns to) -> awaitable<void> {
      co_await app.dnssec_.change(app.control_.get_executor(), to);
      app.resolver_->use(to.servers);
      for (auto& worker : app.workers_) worker->use(to.servers);
      log::Event(log::Level::info, "dane").add("on", app.dnssec_.validates()).add("reason", app.dnssec_.words());
    };
    spawn(control_.get_executor(), change(*this, dns), "change of DNS servers");
  }

  unsigned open_sessions() const {
    unsigned open = 0;
    for (const auto& worker : workers_) open += worker->sessions();
    return open;
  }

  awaitable<void> drain() {
    log::Event(log::Level::info, "draining").add("sessions", open_sessions());
    for (auto& acceptor : acceptors_) acceptor->stop();
    for (auto& worker : workers_) worker->drain();
    queue_.stop();
    authenticator_.stop();
    const auto end = after(config_.load()->drain);
    asio::steady_timer timer(control_);
    while ((open_sessions() > 0 || queue_.in_hand() > 0) && !passed(end)) {
      timer.expires_after(drain_poll);
      co_await timer.async_wait(asio::use_awaitable);
    }
    if (open_sessions() > 0) {
      for (auto& worker : workers_) worker->abort_sessions();
    }
  }

  bool workers_end() {
    const auto end = after(farewell);
    for (;;) {
      bool all = true;
      for (const auto& worker : workers_) all = all && worker->ended();
      if (all) return true;
      if (passed(end)) return false;
      std::this_thread::sleep_for(drain_poll);
    }
  }

  asio::io_context control_{1};
  std::atomic<std::shared_ptr<const Config>> config_;
  std::atomic<std::shared_ptr<const TlsContexts>> tls_;
  StateDirectory state_;
  SqlitePolicyStore store_;
  DomainMemory memory_;
  Dnssec dnssec_;
  std::unique_ptr<CachingResolver> resolver_;
  HttpsFetcher fetcher_;
  MtaStsService policies_;
  Refresher refresher_;
  OverriddenPolicies overridden_;
  Administration administration_;
  SqliteQueueStore queue_store_;
  Queue queue_;
  Destinations destinations_;
  QueueOrders queue_orders_;
  ConnectionLimits limits_;
  OwnAddresses own_;
  ListenerCertificates certificates_;
  Authenticator authenticator_;
  std::vector<std::pair<HostPort, std::shared_ptr<ServedUsers>>> users_;
  asio::signal_set signals_;
  std::optional<ControlServer> control_server_;
  std::optional<MetricsServer> metrics_server_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::size_t next_worker_ = 0;
};

}  // namespace

int serve(const Config& config) {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is a full disk
  ::prctl(PR_SET_DUMPABLE, 0);    // no core file shows keys or mail
  if (config.lab.set) {
    log::Event(log::Level::warn, "laboratory")
        .add("reason", "the [lab] table is set: ports and loopback rules are a laboratory's, not the Internet's");
  }
  try {
    metrics::all.started.set(
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count());
    App app(config);
    app.run();
    return exit_ok;
  } catch (const StateInUse& error) {
    log::Event(log::Level::error, "start_failed").add("reason", error.what());
    return exit_state_in_use;
  } catch (const std::exception& error) {
    log::Event(log::Level::error, "start_failed").add("reason", error.what());
    return exit_error;
  }
}

}  // namespace proxy
