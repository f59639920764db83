// The opening of a connection and the exchanges on it.
#include "proxy/outbound/connection.hpp"

#include "policy/login.hpp"
#include "protocol/smtp/authenticate.hpp"
#include "protocol/smtp/exchange.hpp"
#include "proxy/net/drive.hpp"
#include "proxy/outbound/scram_crypto.hpp"
#include "proxy/tls/proof_of.hpp"

namespace proxy {

namespace {
constexpr std::chrono::seconds quit_wait(2);
}

Connection::Connection(Bucket bucket, Destinations::Slot slot, Socket socket, Watchdog& watchdog)
    : bucket_(std::move(bucket)),
      slot_(std::move(slot)),
      stream_(std::move(socket), watchdog),
      opened_(std::chrono::steady_clock::now()),
      idle_since_(opened_) {
  metrics::all.outbound.connections.add();
}

awaitable<std::optional<smtp::Failure>> Connection::open(std::string ehlo_name, smtp::TlsUse use, Strength strength,
                                                         std::shared_ptr<const TlsContexts> tls, Deadline deadline,
                                                         AssociationPtr association) {
  std::optional<smtp::Failure> failure;
  SslPtr ssl;
  if (use != smtp::TlsUse::none) ssl = tls->client(strength, bucket_.host, association);
  if (use == smtp::TlsUse::established) {
    const auto error = co_await stream_.handshake(std::move(ssl), deadline);
    if (error) {
      handshake_words_ = handshake_error_words();
      failure = smtp::Failure{smtp::Cause::handshake, smtp::Stage::handshake, {}, handshake_words_};
      co_return failure;
    }
  }
  smtp::Greet greet(std::move(ehlo_name), use, input_);
  auto result = co_await drive<smtp::Ready>(stream_, input_, greet, deadline, std::move(ssl));
  if (auto* failed = std::get_if<smtp::Failure>(&result)) {
    if (failed->cause == smtp::Cause::handshake) {
      handshake_words_ = handshake_error_words();
      if (!handshake_words_.empty()) failed->text = handshake_words_;
    }
    failure = std::move(*failed);
    co_return failure;
  }
  ready_ = std::move(std::get<smtp::Ready>(result));
  if (stream_.ssl() != nullptr && (ready_.tls || use == smtp::TlsUse::established)) {
    proof_ =
        proof_of(stream_.ssl(), *tls, strength, bucket_.host, bucket_.address, bucket_.port, std::move(association));
  } else {
    proof_ = plaintext_proof(bucket_.host, bucket_.address, bucket_.port);
  }
  proof_.offers_requiretls = proof_.encrypted && ready_.capabilities.requiretls;
  co_return failure;
}

awaitable<std::optional<smtp::Failure>> Connection::log_in(const Login& login, Deadline deadline) {
  std::optional<smtp::Failure> failure;
  // SMTP-32: whatever was demanded of this message, a password goes to a host that is proven to be the one.
  if (!policy::may_authenticate(proof_)) {
    failure = smtp::Failure{smtp::Cause::no_auth, smtp::Stage::auth, {}, "the host is not verified"};
    co_return failure;
  }
  smtp::Login with{login.user, login.password, {}, scram_nonce(), scram_crypto()};
  for (const auto& name : login.mechanisms) {
    if (const auto mechanism = smtp::sasl_mechanism(name)) with.allowed.push_back(*mechanism);
  }
  std::string offered;
  for (const auto& name : ready_.capabilities.auth) offered += (offered.empty() ? "" : " ") + name;
  smtp::Authenticate machine(offered, std::move(with), input_);
  auto result = co_await drive<smtp::Authenticated>(stream_, input_, machine, deadline);
  if (auto* failed = std::get_if<smtp::Failure>(&result)) failure = std::move(*failed);
  co_return failure;
}

awaitable<Outcome<smtp::Verdicts>> Connection::envelope(policy::Permit permit, const smtp::Envelope& envelope,
                                                        Deadline deadline) {
  if (!permit.spend()) {
    Outcome<smtp::Verdicts> spent = smtp::Failure{smtp::Cause::nonsense, smtp::Stage::mail, {}, "the permit was spent"};
    co_return spent;
  }
  ++messages;
  smtp::SendEnvelope machine(ready_.capabilities, envelope, input_);
  auto result = co_await drive<smtp::Verdicts>(stream_, input_, machine, deadline);
  co_return result;
}

awaitable<Outcome<smtp::Verdicts>> Connection::more_recipients(const smtp::Envelope& envelope, Deadline deadline) {
  smtp::SendEnvelope machine(ready_.capabilities, envelope, input_, true);
  auto result = co_await drive<smtp::Verdicts>(stream_, input_, machine, deadline);
  co_return result;
}

awaitable<Outcome<smtp::Reply>> Connection::exchange(smtp::Stage stage, std::string_view octets, Deadline deadline,
                                                     bool early) {
  smtp::Exchange machine(stage, octets, input_, early);
  auto result = co_await drive<smtp::Reply>(stream_, input_, machine, deadline);
  co_return result;
}

awaitable<error_code> Connection::body(std::string_view first, std::string_view second, Deadline deadline) {
  const auto error = co_await stream_.write(first, second, deadline);
  co_return error;
}

bool Connection::spoke_early() {
  if (!input_.empty()) return true;
  const auto done = stream_.read_now(input_.prepare());
  if (done.octets > 0) input_.commit(done.octets);
  return done.octets > 0 || done.error;
}

bool Connection::quiet() {
  if (!stream_.is_open() || !input_.empty()) return false;
  const auto done = stream_.read_now(input_.prepare());
  if (done.octets > 0) input_.commit(done.octets);
  return done.octets == 0 && !done.error;
}

awaitable<void> Connection::quit(std::unique_ptr<Connection> connection) {
  const auto deadline = after(quit_wait);
  const auto ignored = co_await connection->exchange(smtp::Stage::quit, "QUIT\r\n", deadline, true);
  static_cast<void>(ignored);
  connection->close();
}

}  // namespace proxy
