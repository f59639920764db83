// The loop of one session, its buffer and its timeouts.
#include "proxy/inbound/session.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include "policy/reply.hpp"
#include "protocol/base/text.hpp"
#include "protocol/mime/missing_fields.hpp"
#include "proxy/tls/client_key.hpp"
#include "proxy/tls/proof_of.hpp"

namespace proxy {

namespace {

constexpr std::chrono::seconds goodbye_wait(5);
constexpr std::chrono::seconds handshake_wait(60);
constexpr std::chrono::seconds presence_time(1);
// Of commands; what a client that pipelines without end makes us keep. A line of AUTH fits (12,288 octets).
constexpr std::size_t read_at_once = 16384;

}  // namespace

std::span<char> BufferPool::take() {
  if (free_.empty()) return {new char[buffer_size], buffer_size};
  auto buffer = std::move(free_.back());
  free_.pop_back();
  return {buffer.release(), buffer_size};
}

void BufferPool::give(std::span<char> buffer) {
  std::unique_ptr<char[]> owned(buffer.data());
  if (free_.size() < kept_at_most) free_.push_back(std::move(owned));
}

void Presence::watch(std::function<void()> left) {
  left_ = std::move(left);
  watchdog_.arm(*this, after(presence_time));
}

void Presence::forget() {
  Watchdog::disarm(*this);
  left_ = nullptr;
}

void Presence::expired() {
  if (!stream_.peer_has_left()) return watchdog_.arm(*this, after(presence_time));
  left_();
}

Session::Session(Environment& environment, BufferPool& buffers, std::shared_ptr<const ListenerFacts> listener,
                 Socket socket, ConnectionLimits::Place place, const std::string& limit_reached)
    : environment_(environment),
      buffers_(buffers),
      listener_(std::move(listener)),
      place_(std::move(place)),
      client_address_("unknown"),
      stream_(std::move(socket), environment.watchdog),
      presence_(environment.watchdog, stream_) {
  const auto peer = peer_of(stream_.socket());
  if (peer) client_address_ = peer->to_string();
  if (listener_->is_balancer && limit_reached.empty()) return;  // whose connection it is, its header says
  begin(peer.value_or(boost::asio::ip::address()), limit_reached);
}

Session::~Session() {
  return_buffer();
}

void Session::return_buffer() {
  if (!machine_) return;
  const auto buffer = machine_->reclaim();
  if (!buffer.empty()) buffers_.give(buffer);
}

void Session::shut_down() {
  if (shutting_down_) return;
  shutting_down_ = true;
  if (machine_) machine_->shut_down(policy::reply::shutting_down().text);
  if (waiting_) stream_.interrupt();
}

void Session::abort() {
  stream_.abort();
}

awaitable<bool> Session::flush() {
  const auto output = machine_->output();
  if (output.empty()) co_return true;
  const auto timeout = environment_.config()->limits.client_timeout;
  const auto error = co_await stream_.write(output, after(timeout));
  machine_->written(output.size());
  if (error == boost::asio::error::timed_out) log_closed("it does not read what it is told");
  command_due_ = after(timeout);
  listens_ = !error;
  co_return listens_;
}

void Session::be_patient() {
  const auto& limits = environment_.config()->limits;
  patience_.begin(limits.client_timeout, limits.min_data_rate);
}

// A client that always has more to say, and a system that takes all that is answered, would never make this coroutine
// wait, and the worker's other sessions would wait for it.
awaitable<void> Session::others_first() {
  co_await boost::asio::post(environment_.executor, boost::asio::use_awaitable);
}

void Session::log_closed(std::string_view reason) const {
  log::Event(log::Level::warn, "client_closed").add("client", client_address_).add("reason", reason);
}

/// STARTTLS: the answer, and after a 220 the handshake. What came before the STARTTLS line was answered in plaintext;
/// nothing is buffered behind it, here or in the stream (SMTP-19).
awaitable<void> Session::start_tls() {
  auto ssl = listener_->tls->accept();
  if (!ssl) {
    machine_->answer({454, "4.7.0", "TLS is not available now"});  // RFC 3207 §4
    co_return;
  }
  machine_->answer({220, "2.0.0", "go ahead"});
  const bool flushed = co_await flush();
  bool done = false;
  if (flushed) done = co_await handshake(std::move(ssl));
  if (done) {
    machine_->tls_started();
  } else {
    machine_->tls_failed();
  }
}

awaitable<bool> Session::handshake(SslPtr ssl) {
  return_buffer();
  if (!listener_->allow_keys.empty()) ask_for_certificate(ssl.get());
  waiting_ = true;
  const auto error = co_await stream_.handshake(std::move(ssl), after(handshake_wait));
  waiting_ = false;
  if (!error) {
    command_due_ = after(environment_.config()->limits.client_timeout);
    const bool implicit = listener_->options.tls == smtp::ServerOptions::Tls::implicit;
    count_.became(implicit ? metrics::ClientTls::implicit : metrics::ClientTls::starttls);
    admit_by_key();
    co_return true;
  }
  if (shutting_down_) co_return false;
  metrics::all.inbound.client_tls_failures.add();
  auto words = handshake_error_words();
  if (error == boost::asio::error::timed_out) words = "no end of the handshake within a minute";
  if (words.empty()) words = base::printable(error.message(), 100);
  log::Event(log::Level::warn, "client_tls_failed").add("client", client_address_).add("reason", words);
  co_return false;
}

// A device's message without Date or Message-ID gets them, where the profile says so, behind the Received field.
awaitable<void> Session::body_part(std::string_view wire, bool last) {
  std::string added;
  if (!body_begun_ && listener_->options.leniency.missing_fields) {
    mime::HeaderScanner header;
    header.scan(wire);
    if (last) header.end();
    added = mime::missing_fields(header, std::chrono::system_clock::now(), id_, environment_.config()->hostname);
    added_fields_ = added_fields_ || !added.empty();
    if (!added.empty()) {
      added.append(wire);
      wire = added;
    }
  }
  body_begun_ = true;
  co_await transaction_->body(wire, last, machine_->body());
}

// What the client did that only the devices profile let it do.
void Session::log_leniencies() const {
  auto used = machine_->leniencies_used();
  used.missing_fields = added_fields_;
  std::string did;
  for (const auto& one : smtp::leniencies) {
    if (used.*one.member) did += (did.empty() ? "" : ",") + std::string(one.name);
  }
  const auto* ssl = stream_.ssl();
  if (ssl != nullptr && SSL_version(ssl) < TLS1_2_VERSION) did += did.empty() ? "old_tls" : ",old_tls";
  if (!did.empty()) log::Event(log::Level::info, "device").add("client", client_address_).add("did", did);
}

// Writes what is owed, then waits for octets. False: the connection is not usable any more.
awaitable<bool> Session::input() {
  const bool flushed = co_await flush();
  if (!flushed) co_return false;
  // A command has its time once, a body as long as it comes fast enough: who sends an octet now and then gets no
  // further (RFC 5321 §4.5.3.2.5 to 7).
  const bool in_body = machine_->in_body(), of_message = in_body || machine_->between_chunks();
  const auto asked = std::chrono::steady_clock::now();
  auto deadline = of_message ? asked + patience_.left() : command_due_;
  if (!in_body) deadline = std::min(deadline, command_due_);
  error_code error;
  if (!in_body) {
    return_buffer();
    if (!machine_->holds_buffer()) {
      waiting_ = true;  // without a buffer: an idle session holds none
      error = co_await stream_.wait_readable(deadline);
      waiting_ = false;
    }
  }
  if (shutting_down_ && error == boost::asio::error::operation_aborted) co_return true;  // next() says 421
  if (!error) {
    if (!machine_->holds_buffer()) machine_->lend(buffers_.take());
    waiting_ = !in_body;
    auto room = machine_->input();
    if (!in_body) room = room.first(std::min(room.size(), read_at_once));
    const auto done = co_await stream_.read(room, deadline);
    waiting_ = false;
    error = done.error;
    if (of_message) patience_.received(std::chrono::steady_clock::now() - asked, done.octets);
    if (!error) machine_->received(done.octets);
    if (done.octets == room.size()) co_await others_first();
  }
  if (!error) co_return true;
  if (shutting_down_ && error == boost::asio::error::operation_aborted) co_return true;
  if (error == boost::asio::error::timed_out) {
    const auto words = of_message ? "the message came too slowly, or not at all" : "no command in time";
    log_closed(words);
    machine_->close_with({421, "4.4.2", words});
    co_return true;
  }
  machine_->received(0);
  co_return true;
}

void Session::mail(smtp::Mail mail) {
  id_ = new_message_id(environment_.random);
  body_begun_ = false;
  be_patient();
  const auto& client = machine_->client();
  const bool lmtp = machine_->lmtp();
  const bool tls = stream_.ssl() != nullptr;
  Origin origin{.client_address = client_address_, .hello = client.hello, .floor = listener_->floor};
  // RFC 3848, RFC 6531 §4.3; HELO has no name of its own for TLS or AUTH.
  if (client.verb == smtp::command::Hello::Verb::helo) {
    origin.with = "SMTP";
  } else {
    origin.with = mail.smtputf8 ? (lmtp ? "UTF8LMTP" : "UTF8SMTP") : (lmtp ? "LMTP" : "ESMTP");
    if (tls) origin.with += 'S';
    if (!machine_->authenticated_user().empty()) origin.with += 'A';
  }
  if (tls) origin.tls_cipher = SSL_CIPHER_standard_name(SSL_get_current_cipher(stream_.ssl()));
  origin.may_waive = may_waive_;
  if (listener_->takes) {
    transaction_ =
        make_queued(environment_, *listener_->queue, origin, id_, std::move(mail), lmtp, listener_->patience);
  } else if (lmtp) {
    transaction_ = make_fanout(environment_, listener_->queue, origin, id_, std::move(mail));
  } else {
    transaction_ = make_relay(environment_, listener_->queue, origin, id_, std::move(mail));
  }
  machine_->answer({250, "2.1.0", "sender ok, message " + id_});
}

awaitable<void> Session::answer_recipients(std::vector<smtp::Rcpt> batch) {
  const auto count = batch.size();
  const auto asked = std::chrono::steady_clock::now();
  // With more behind it, a client that has ended its side may still want what it asked for.
  if (machine_->waits_for_more()) presence_.watch([this] { transaction_->client_left(); });
  auto replies = co_await transaction_->recipients(std::move(batch));
  presence_.forget();
  replies.resize(count, policy::reply::internal("no answer"));
  metrics::all.inbound.rcpt_answer.observe(std::chrono::steady_clock::now() - asked);
  machine_->answer(replies);
}

awaitable<void> Session::run() {
  const auto self = shared_from_this();
  namespace ask = smtp::ask;
  if (!machine_) {
    const bool known = co_await hear_balancer();
    if (!known) {
      stream_.close();
      co_return;
    }
  }
  if (listener_->options.tls == smtp::ServerOptions::Tls::implicit) {
    // A limit that is reached is no reason for a handshake; without one, there is nothing that could be said.
    auto ssl = refused_ ? nullptr : listener_->tls->accept();
    bool done = false;
    if (ssl) done = co_await handshake(std::move(ssl));
    if (!done) {
      stream_.close();
      co_return;
    }
  }
  for (;;) {
    auto action = machine_->next();
    if (std::get_if<ask::Input>(&action)) {
      const bool usable = co_await input();
      if (!usable) machine_->received(0);
    } else if (std::get_if<ask::Flush>(&action)) {
      const bool usable = co_await flush();
      if (!usable) machine_->received(0);
      co_await others_first();
    } else if (auto* asked_mail = std::get_if<ask::MailFrom>(&action)) {
      mail(std::move(asked_mail->mail));
    } else if (std::get_if<ask::StartTls>(&action)) {
      co_await start_tls();
    } else if (auto* claim = std::get_if<ask::Authenticate>(&action)) {
      co_await authenticate(std::move(claim->credentials));
    } else if (auto* recipients = std::get_if<ask::Recipients>(&action)) {
      co_await answer_recipients(std::move(recipients->batch));
    } else if (std::get_if<ask::Body>(&action)) {
      machine_->answer({354, "", "end the message with a line that holds a dot only"});
    } else if (auto* part = std::get_if<ask::BodyPart>(&action)) {
      co_await body_part(part->wire, part->last);
    } else if (std::get_if<ask::BodyEnd>(&action)) {
      const auto ended = std::chrono::steady_clock::now();
      auto replies = co_await transaction_->finish();
      metrics::all.inbound.final_reply.observe(std::chrono::steady_clock::now() - ended);
      machine_->answer(replies);
      transaction_.reset();
    } else if (auto* abandon = std::get_if<ask::Abandon>(&action)) {
      if (transaction_) transaction_->abandon();
      if (abandon->why == ask::Abandon::Why::client_gone) {
        log::Event(log::Level::info, "client_gone").add("id", id_).add("client", client_address_);
      } else if (abandon->why == ask::Abandon::Why::refused_content) {
        const auto& facts = machine_->body();
        using metrics::ContentFault;
        metrics::all.inbound
            .content_refused[facts.bare_newline ? ContentFault::bare_newline : ContentFault::loop_or_size]
            .add();
        log::Event(log::Level::warn, "content_refused")
            .add("id", id_)
            .add("client", client_address_)
            .add("reason", facts.bare_newline ? "bare CR or LF" : "loop or size");
      }
      transaction_.reset();
    } else {
      const auto& close = std::get<ask::Close>(action);
      if (close.why == ask::Close::Why::injected) {
        metrics::all.inbound.client_tls_failures.add();
        log::Event(log::Level::warn, "client_tls_failed")
            .add("client", client_address_)
            .add("reason", "plaintext stood behind STARTTLS");
      } else if (close.why == ask::Close::Why::too_many_errors) {
        log_closed("too many errors");
      }
      break;
    }
  }
  log_leniencies();
  const auto output = machine_->output();
  if (listens_ && !output.empty()) {
    const auto ignored = co_await stream_.write(output, after(goodbye_wait));
    static_cast<void>(ignored);
  }
  stream_.close();
}

}  // namespace proxy
