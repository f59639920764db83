// One fetch: look up, dial, shake hands, judge, ask, read, parse; all below one deadline.
#include "proxy/sts/https_fetcher.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <optional>
#include <utility>

#include "protocol/base/domain_name.hpp"
#include "protocol/base/text.hpp"
#include "proxy/sts/policy_host_addresses.hpp"
#include "proxy/tls/proof_of.hpp"

namespace proxy {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using Result = Fetched::Result;
using Stream = asio::ssl::stream<beast::tcp_stream>;
using Parser = http::response_parser<http::string_body>;

// RFC 8461 §3.3: 64 kilobytes suggested (STS-14).
constexpr std::uint32_t header_limit = 64 * 1024;
constexpr std::uint64_t body_limit = header_limit;
// What may lie unparsed: bounds trailers and chunk extensions, which the limits above do not count.
constexpr std::size_t buffer_limit = std::size_t{2} * header_limit;
constexpr int most_interim_answers = 8;
constexpr auto least_share = std::chrono::seconds(1);
constexpr auto longest_connect = std::chrono::seconds(10);

Fetched failure(Result result, std::string why) {
  return {result, {}, {}, std::move(why)};
}

std::string words_of(const error_code& error) {
  if (error == beast::error::timeout) return "no answer in time";
  if (error == asio::error::eof || error == http::error::end_of_stream || error == asio::ssl::error::stream_truncated) {
    return "connection closed";
  }
  return base::printable(error.message(), 120);
}

/// All values of a field are this one, and there is at least one.
bool every_value(const http::fields& fields, http::field name, std::string_view expected, bool or_none) {
  const auto [first, last] = fields.equal_range(name);
  if (first == last) return or_none;
  return std::all_of(first, last, [&](const auto& field) {
    const std::string_view value(field.value().data(), field.value().size());
    return base::equals_ignoring_case(base::trim(value.substr(0, value.find(';'))), expected);
  });
}

std::string value_of(const http::fields& fields, http::field name) {
  const auto value = fields[name];
  return base::printable({value.data(), value.size()}, 60);
}

/// Why an answer with this head is none that counts; empty where it may.
std::optional<Fetched> refuse_head(const Parser& parser) {
  const auto& head = parser.get().base();
  if (head.result_int() != 200) {  // STS-10: neither a redirect nor any other success
    return failure(Result::status, "HTTP status " + std::to_string(head.result_int()));
  }
  if (!every_value(head, http::field::content_type, "text/plain", false)) {  // STS-12
    const std::string seen = value_of(head, http::field::content_type);
    return failure(Result::media_type,
                   seen.empty() ? "no media type" : "media type " + seen + " instead of text/plain");
  }
  if (!every_value(head, http::field::content_encoding, "identity", true)) {  // STS-62
    return failure(Result::media_type, "content coding " + value_of(head, http::field::content_encoding));
  }
  if (!every_value(head, http::field::transfer_encoding, "chunked", true)) {
    return failure(Result::media_type, "transfer coding " + value_of(head, http::field::transfer_encoding));
  }
  return std::nullopt;
}

Fetched failed_read(const error_code& error, bool in_body) {
  if (error == http::error::body_limit) return failure(Result::too_large, "body longer than 64 KiB");
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return failure(Result::too_large, in_body ? "chunks longer than 64 KiB" : "headers longer than 64 KiB");
  }
  // STS-62: what arrived is not parsed.
  if (in_body) return failure(Result::cut_short, "body cut short: " + words_of(error));
  if (error.category() == http::make_error_code(http::error::bad_version).category() &&
      error != http::error::end_of_stream) {
    return failure(Result::status, "no valid HTTP answer: " + words_of(error));
  }
  return failure(Result::unreachable, "no HTTP answer: " + words_of(error));
}

/// The GET and its answer, over a connection whose peer has proven itself.
asio::awaitable<Fetched> exchange(Stream& stream, std::string host, std::uint16_t port) {
  const auto token = asio::as_tuple(asio::use_awaitable);
  http::request<http::empty_body> request(http::verb::get, "/.well-known/mta-sts.txt", 11);
  // STS-08, STS-58: the policy host's own name, without trailing dot, wherever its addresses came from.
  request.set(http::field::host, port == 443 ? host : host + ":" + std::to_string(port));
  request.set(http::field::user_agent, "sts-relay");
  request.set(http::field::connection, "close");
  const auto sent = co_await http::async_write(stream, request, token);
  if (const auto& error = std::get<0>(sent)) {
    co_return failure(Result::unreachable, "request not sent: " + words_of(error));
  }

  beast::flat_buffer buffer(buffer_limit);
  std::optional<Parser> parser;
  for (int interim = 0;; ++interim) {
    parser.emplace();
    parser->header_limit(header_limit);
    parser->body_limit(body_limit);
    const auto read = co_await http::async_read_header(stream, buffer, *parser, token);
    if (const auto& error = std::get<0>(read)) co_return failed_read(error, false);
    // RFC 9110 §15.2: interim answers may come unasked and mean nothing.
    if (parser->get().result_int() / 100 != 1 || interim == most_interim_answers) break;
  }
  if (auto refused = refuse_head(*parser)) co_return std::move(*refused);
  if (!parser->is_done()) {
    // A body that ends with the connection is whole only after the TLS farewell: without it Asio reports a truncated
    // stream, no end.
    const auto read = co_await http::async_read(stream, buffer, *parser, token);
    if (const auto& error = std::get<0>(read)) co_return failed_read(error, true);
  }

  std::string body = std::move(parser->get().body());
  auto policy = policy::sts::parse_policy(body);
  if (!policy)
    co_return failure(Result::invalid_policy, "invalid policy: " + base::printable(policy.error().what, 200));
  co_return Fetched{Result::valid, std::move(*policy), std::move(body), {}};
}

/// One address: dial, shake hands, judge, ask. `share`: when the next address has its turn; once the peer has proven
/// itself, the answer may take until the deadline.
asio::awaitable<Fetched> fetch_from(asio::any_io_executor executor, std::shared_ptr<const TlsContexts> contexts,
                                    std::string host, asio::ip::tcp::endpoint endpoint, Clock::time_point share,
                                    Clock::time_point deadline) {
  const auto token = asio::as_tuple(asio::use_awaitable);
  Stream stream(beast::tcp_stream(executor), contexts->client(Strength::strong, host).release());
  beast::tcp_stream& socket = stream.next_layer();

  socket.expires_at(std::min(share, Clock::now() + longest_connect));
  const auto connected = co_await socket.async_connect(endpoint, token);
  if (const auto& error = std::get<0>(connected)) {
    co_return failure(Result::unreachable, "not connected: " + words_of(error));
  }
  socket.expires_at(share);
  const auto shaken = co_await stream.async_handshake(Stream::client, token);
  if (const auto& error = std::get<0>(shaken)) {
    co_return failure(Result::unreachable, "TLS handshake failed: " + words_of(error));
  }
  const auto proof = proof_of(stream.native_handle(), *contexts, Strength::strong, host, endpoint.address().to_string(),
                              endpoint.port());
  if (proof.pkix != policy::Check::passed || !proof.strong) co_return failure(Result::certificate, proof.fault_words);

  socket.expires_at(deadline);
  auto answer = co_await exchange(stream, std::move(host), endpoint.port());
  socket.close();  // no farewell is waited for: the peer may never send its own
  co_return answer;
}

}  // namespace

HttpsFetcher::HttpsFetcher(asio::any_io_executor executor, Resolver& resolver, Contexts contexts, Options options)
    : executor_(std::move(executor)), resolver_(resolver), contexts_(std::move(contexts)), options_(options) {}

asio::awaitable<Fetched> HttpsFetcher::fetch(std::string policy_domain) {
  const auto deadline = Clock::now() + options_.timeout;
  const auto host = base::canonical_domain("mta-sts." + policy_domain, base::Alphabet::lookup);
  if (!host) co_return failure(Result::unreachable, "no policy host name");
  const auto addresses = co_await policy_host_addresses(executor_, resolver_, *host, options_.allow_loopback, deadline);
  if (addresses.all.empty()) co_return failure(Result::unreachable, *host + ": " + addresses.why);

  const auto contexts = contexts_();
  Fetched last = failure(Result::unreachable, {});
  std::string all_words;
  for (std::size_t i = 0; i < addresses.all.size() && Clock::now() < deadline; ++i) {
    // STS-63: a dead address has its share of the time and no more.
    const auto left = static_cast<Clock::rep>(addresses.all.size() - i);
    const auto share =
        std::min(deadline, Clock::now() + std::max<Clock::duration>((deadline - Clock::now()) / left, least_share));
    const asio::ip::tcp::endpoint endpoint(addresses.all[i], options_.port);
    auto answer = co_await fetch_from(executor_, contexts, *host, endpoint, share, deadline);
    if (answer.result != Result::unreachable && answer.result != Result::certificate) {
      if (answer.result != Result::valid) answer.why = *host + ": " + answer.why;
      co_return answer;
    }
    all_words += (all_words.empty() ? "" : "; ") + endpoint.address().to_string() + ": " + answer.why;
    if (last.result != Result::certificate) last = std::move(answer);
  }
  last.why = *host + ": " + (all_words.empty() ? "no time left" : base::printable(all_words, 300));
  co_return last;
}

}  // namespace proxy
