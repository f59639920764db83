// Answers to GET /.well-known/mta-sts.txt, good and bad.
#include "tests/lab/policy_host.hpp"

#include <cstdio>
#include <utility>

#include "protocol/base/text.hpp"

namespace lab {
namespace {

std::string chunk(std::string_view data) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", data.size());
  return size + std::string(data) + "\r\n";
}

}  // namespace

PolicyHost::PolicyHost(Watch& watch, const std::string& address, std::uint16_t port, std::string fallback)
    : watch_(watch), address_(address), fallback_(std::move(fallback)), port_(port) {
  context_ = context_for(fallback_);
  SSL_CTX_set_tlsext_servername_arg(context_.get(), this);
  listen(address);
}

PolicyHost::~PolicyHost() {
  stop();
}

ContextPtr PolicyHost::context_for(const std::string& pem) const {
  TlsOptions options;
  options.highest = highest_;
  ContextPtr context = server_context(pem, options);
  SSL_CTX_set_tlsext_servername_callback(context.get(), choose_site);
  SSL_CTX_set_tlsext_servername_arg(context.get(), const_cast<PolicyHost*>(this));
  return context;
}

int PolicyHost::choose_site(SSL* ssl, int*, void* self) {
  auto& host = *static_cast<PolicyHost*>(self);
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_OK;
  auto guard = host.watch_.lock();
  const auto found = host.sites_.find(name);
  if (found != host.sites_.end()) SSL_set_SSL_CTX(ssl, found->second.context.get());
  return SSL_TLSEXT_ERR_OK;
}

void PolicyHost::site(const std::string& host, Site site) {
  ContextPtr context = context_for(site.certificate);
  auto guard = watch_.lock();
  sites_[host] = Served{std::move(site), std::move(context)};
}

void PolicyHost::change(const std::string& host, const std::function<void(Site&)>& change) {
  Site site;
  {
    auto guard = watch_.lock();
    site = sites_.at(host).site;
  }
  change(site);
  this->site(host, std::move(site));
}

void PolicyHost::listen(const std::string& address) {
  servers_.push_back(std::make_unique<Server>(address, port_, [this](Channel& channel) { serve(channel); }));
  addresses_.push_back(address);
  port_ = servers_.back()->port();
}

void PolicyHost::limit(int highest) {
  highest_ = highest;
  ContextPtr context = context_for(fallback_);
  auto guard = watch_.lock();
  context_ = std::move(context);
}

void PolicyHost::stop() {
  servers_.clear();
}

void PolicyHost::start() {
  if (!servers_.empty()) return;
  for (const auto& address : std::exchange(addresses_, {})) listen(address);
}

std::vector<Request> PolicyHost::requests() const {
  auto guard = watch_.lock();
  return requests_;
}

std::vector<Visit> PolicyHost::visits() const {
  auto guard = watch_.lock();
  return visits_;
}

void PolicyHost::note_visit(const std::string& server_name, Deadline began, bool answered) {
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began);
  {
    auto guard = watch_.lock();
    const auto found = sites_.find(server_name);
    if (found == sites_.end()) return;
    const Site& site = found->second.site;
    if (site.behaviour != Behaviour::normal || site.delay.count() != 0) return;
    visits_.push_back({server_name, took, answered});
  }
  watch_.changed();
}

std::size_t PolicyHost::count(const std::string& host) const {
  auto guard = watch_.lock();
  std::size_t found = 0;
  for (const auto& request : requests_) found += request.server_name == host ? 1 : 0;
  return found;
}

std::size_t PolicyHost::connections() const {
  auto guard = watch_.lock();
  return connections_;
}

void PolicyHost::serve(Channel& channel) {
  ContextPtr context;
  {
    auto guard = watch_.lock();
    ++connections_;
    context = context_;
  }
  watch_.changed();
  // What the client waits for begins with what it sent, not when this thread comes to it.
  const Deadline began = Clock::now() - channel.quiet_for();
  try {
    channel.accept_tls(context.get());
    talk(channel, began);
  } catch (const Gone&) {
    note_visit(channel.server_name(), began, false);
    throw;
  }
}

void PolicyHost::talk(Channel& channel, Deadline began) {
  for (;;) {
    Request request;
    request.server_name = channel.server_name();
    request.tls = channel.tls_version();
    request.line = base::trim(channel.read_to_crlf().substr(0, 4000));
    while (request.line.ends_with('\r') || request.line.ends_with('\n')) request.line.pop_back();
    for (;;) {
      const std::string_view line = channel.read_to_crlf();
      if (line.size() == 2) break;
      const auto colon = line.find(':');
      if (colon == std::string_view::npos) continue;
      request.headers[base::lower(line.substr(0, colon))] = base::trim(line.substr(colon + 1, line.size() - colon - 3));
    }
    const std::string server_name = request.server_name, line = request.line;
    {
      auto guard = watch_.lock();
      requests_.push_back(std::move(request));
    }
    watch_.changed();
    const bool goes_on = reply(channel, server_name, line);
    note_visit(server_name, began, true);
    if (!goes_on) return;
  }
}

bool PolicyHost::reply(Channel& channel, const std::string& server_name, const std::string& line) {
  Site site;
  {
    auto guard = watch_.lock();
    const auto found = sites_.find(server_name);
    if (found == sites_.end()) return false;
    site = found->second.site;
  }
  if (site.behaviour == Behaviour::close) return false;
  if (site.delay.count() > 0) channel.pause(site.delay);
  if (site.behaviour == Behaviour::hang) channel.hang();

  const bool known = line.find(" /.well-known/mta-sts.txt ") != std::string::npos;
  const std::string status = known ? site.status : "404 Not Found";
  std::string body = known ? site.body : "no";
  std::string head = "HTTP/1.1 " + status + "\r\n";
  if (!site.content_type.empty()) head += "Content-Type: " + site.content_type + "\r\n";
  for (const auto& header : site.headers) head += header + "\r\n";
  switch (site.behaviour) {
    case Behaviour::normal:
    case Behaviour::drip:
    case Behaviour::brief:
      if (status.starts_with("204") || status.starts_with("304")) {
        body.clear();  // RFC 9110 §15.3.5, §15.4.5: these have neither body nor length
      } else {
        head +=
            "Content-Length: " + std::to_string(body.size() + (site.behaviour == Behaviour::brief ? 50 : 0)) + "\r\n";
      }
      break;
    case Behaviour::chunked:
    case Behaviour::chunks:
    case Behaviour::chunks_cut:
    case Behaviour::chunks_bad: head += "Transfer-Encoding: chunked\r\n"; break;
    default: break;
  }
  channel.write(head);
  while (site.behaviour == Behaviour::endless_headers) channel.write("X-More: " + std::string(1000, 'a') + "\r\n");
  channel.write("\r\n");
  send_body(channel, site, body);
  const bool asked_to_close = base::lower(head).find("connection: close") != std::string::npos;
  return !asked_to_close && (site.behaviour == Behaviour::normal || site.behaviour == Behaviour::drip ||
                             site.behaviour == Behaviour::chunks);
}

void PolicyHost::send_body(Channel& channel, const Site& site, const std::string& body) {
  const std::string endless = body + "x: " + std::string(4000, 'y') + "\n";
  const std::string_view half = std::string_view(body).substr(0, body.size() / 2),
                         rest = std::string_view(body).substr(body.size() / 2);
  switch (site.behaviour) {
    case Behaviour::drip:
      for (const char octet : body) {
        channel.write(std::string_view(&octet, 1));
        channel.pause(site.drip_pause, true);
      }
      break;
    case Behaviour::endless:
      for (;;) channel.write(endless);
    case Behaviour::chunked:
      for (;;) channel.write(chunk(endless));
    case Behaviour::chunks: channel.write(chunk(half) + chunk(rest) + "0\r\n\r\n"); break;
    case Behaviour::chunks_cut: channel.write(chunk(half) + chunk(rest)); break;
    case Behaviour::chunks_bad: channel.write(chunk(half) + chunk(rest) + "zz\r\n\r\n"); break;
    default: channel.write(body);
  }
}

}  // namespace lab
