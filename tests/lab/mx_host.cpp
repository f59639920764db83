// The faces of an MX host, and its records.
#include "tests/lab/mx_host.hpp"

#include "protocol/base/text.hpp"
#include "tests/lab/mx_dialogue.hpp"

namespace lab {

MxHost::MxHost(Watch& watch, Mailbag& mailbag, std::string host, std::string address, std::uint16_t port,
               std::string certificate)
    : watch_(watch), mailbag_(mailbag), host_(std::move(host)), address_(std::move(address)), port_(port) {
  face_.certificate = std::move(certificate);
  start();
}

MxHost::~MxHost() {
  stop();
}

void MxHost::start() {
  if (server_) return;
  server_ = std::make_unique<Server>(address_, port_, [this](Channel& channel) { MxDialogue(*this, channel).run(); });
  port_ = server_->port();
}

void MxHost::stop() {
  server_.reset();
}

void MxHost::cut() {
  if (server_) server_->cut_all();
}

MxHost& MxHost::change(const std::function<void(MxFace&)>& change) {
  {
    auto guard = watch_.lock();
    change(face_);
    face_.context.reset();
  }
  cut();
  return *this;
}

MxHost& MxHost::starttls(Starttls how) {
  return change([&](MxFace& face) { face.starttls = how; });
}

MxHost& MxHost::certificate(const std::string& pem) {
  return change([&](MxFace& face) { face.certificate = pem; });
}

MxHost& MxHost::implicit_tls(bool on) {
  return change([&](MxFace& face) { face.implicit = on; });
}

MxHost& MxHost::tls_versions(int lowest, int highest) {
  return change([&](MxFace& face) { face.tls.lowest = lowest, face.tls.highest = highest; });
}

MxHost& MxHost::weak_dh(bool on) {
  return change([&](MxFace& face) { face.tls.weak_dh = on; });
}

MxHost& MxHost::offers(std::vector<std::string> keywords) {
  return change([&](MxFace& face) { face.offers = std::move(keywords); });
}

MxHost& MxHost::offers_tls(std::vector<std::string> keywords) {
  return change([&](MxFace& face) { face.offers_tls = std::move(keywords); });
}

MxHost& MxHost::on(const std::string& stage, Override reply) {
  auto guard = watch_.lock();
  on_[stage] = std::move(reply);
  return *this;
}

MxHost& MxHost::on_reused(const std::string& stage, Override reply) {
  auto guard = watch_.lock();
  on_reused_[stage] = std::move(reply);
  return *this;
}

MxHost& MxHost::as_usual() {
  auto guard = watch_.lock();
  on_.clear();
  on_reused_.clear();
  return *this;
}

MxHost& MxHost::slow(std::chrono::milliseconds before_each_reply) {
  auto guard = watch_.lock();
  slow_ = before_each_reply;
  slow_at_.clear();
  return *this;
}

MxHost& MxHost::slow(const std::string& stage, std::chrono::milliseconds before_its_reply) {
  auto guard = watch_.lock();
  slow_at_[stage] = before_its_reply;
  return *this;
}

std::vector<Session> MxHost::sessions() const {
  auto guard = watch_.lock();
  std::vector<Session> copies;
  for (const auto& session : sessions_) copies.push_back(*session);
  return copies;
}

std::vector<Command> MxHost::mails() const {
  auto guard = watch_.lock();
  std::vector<Command> found;
  for (const auto& session : sessions_)
    for (const auto& command : session->commands)
      if (base::starts_with_ignoring_case(command.line, "MAIL")) found.push_back(command);
  return found;
}

std::vector<std::shared_ptr<const Message>> MxHost::inbox() const {
  auto guard = watch_.lock();
  std::vector<std::shared_ptr<const Message>> found;
  for (const auto& message : mailbag_)
    if (message->mx == this && message->accepted) found.push_back(std::make_shared<Message>(*message));
  return found;
}

MxFace MxHost::face() {
  auto guard = watch_.lock();
  if (!face_.context) face_.context = server_context(face_.certificate, face_.tls);
  return face_;
}

std::optional<std::string> MxHost::overridden(const std::string& stage, std::string_view argument, bool reused) {
  std::function<std::string(std::string_view)> asked;
  {
    auto guard = watch_.lock();
    auto* found = reused && on_reused_.contains(stage) ? &on_reused_.at(stage)
                  : on_.contains(stage)                ? &on_.at(stage)
                                                       : nullptr;
    if (found == nullptr) return std::nullopt;
    if (auto* text = std::get_if<std::string>(found)) return *text;
    if (auto* list = std::get_if<std::vector<std::string>>(found)) {
      if (list->empty()) return std::nullopt;
      std::string first = std::move(list->front());
      list->erase(list->begin());
      return first;
    }
    asked = std::get<std::function<std::string(std::string_view)>>(*found);
  }
  std::string reply = asked(argument);  // without the lock: it may ask the laboratory
  if (reply.empty()) return std::nullopt;
  return reply;
}

std::chrono::milliseconds MxHost::pause_before(const std::string& stage) const {
  auto guard = watch_.lock();
  const auto found = slow_at_.find(stage);
  return found == slow_at_.end() ? slow_ : found->second;
}

}  // namespace lab
