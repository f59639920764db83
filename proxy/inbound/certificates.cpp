// Which files are read when, and what the log says of it.
#include "proxy/inbound/certificates.hpp"

#include "proxy/runtime/log.hpp"

namespace proxy {

namespace {
constexpr std::chrono::minutes between_looks(1);
}

std::shared_ptr<const ServerContext> ListenerCertificates::add(const ListenerConfig& listener) {
  if (listener.tls == smtp::ServerOptions::Tls::none) return nullptr;
  auto context =
      std::make_shared<ServerContext>(CertificateFiles{listener.certificate, listener.key, listener.old_tls});
  all_.push_back({listener.address, context});
  return context;
}

void ListenerCertificates::reload(const Config& config) {
  for (const auto& served : all_) {
    auto files = served.context->files();
    for (const auto& listener : config.listeners) {
      const bool same =
          listener.address.port == served.address.port && listener.address.address == served.address.address;
      if (same && !listener.certificate.empty()) files = {listener.certificate, listener.key, files.old_tls};
    }
    read(served, std::move(files));
  }
}

void ListenerCertificates::look() {
  for (const auto& served : all_) {
    if (served.context->files_changed()) read(served, served.context->files());
  }
}

awaitable<void> ListenerCertificates::watch(Executor executor) {
  boost::asio::steady_timer timer(executor);
  for (;;) {
    timer.expires_after(between_looks);
    co_await timer.async_wait(boost::asio::use_awaitable);
    look();
  }
}

void ListenerCertificates::read(const Served& served, CertificateFiles files) {
  const auto name = files.certificate;
  const auto fault = served.context->reload(std::move(files));
  if (fault) {
    log::Event(log::Level::error, "certificate_reload_failed").add("certificate", name).add("reason", fault->words);
  } else {
    log::Event(log::Level::info, "certificate_reloaded").add("certificate", name);
  }
}

}  // namespace proxy
