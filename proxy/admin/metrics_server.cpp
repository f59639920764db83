// Accepting, one request, one answer.
#include "proxy/admin/metrics_server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "proxy/admin/metrics_text.hpp"

namespace proxy {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

using Request = http::request<http::empty_body>;
using Response = http::response<http::string_body>;

Response words(http::status status, const char* text) {
  Response response(status, 11);
  response.set(http::field::content_type, "text/plain; charset=utf-8");
  response.body() = text;
  return response;
}

Response answer_to(const Request& request, const std::function<std::string()>& text) {
  const auto target = request.target();
  if (target.substr(0, target.find('?')) != "/metrics") return words(http::status::not_found, "only /metrics\n");
  if (request.method() != http::verb::get) {
    auto refused = words(http::status::method_not_allowed, "only GET\n");
    refused.set(http::field::allow, "GET");
    return refused;
  }
  Response response(http::status::ok, 11);
  response.set(http::field::content_type, std::string(metrics_content_type));
  response.body() = text();
  return response;
}

/// Whether the octets were no request, as opposed to a connection that has ended.
bool is_nonsense(const boost::system::error_code& error) {
  return error.category() == http::make_error_code(http::error::bad_version).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

}  // namespace

MetricsServer::MetricsServer(Executor control, const HostPort& address, std::function<std::string()> text,
                             std::chrono::milliseconds limit)
    : control_(std::move(control)), text_(std::move(text)), limit_(limit), acceptor_(control_) {
  const asio::ip::tcp::endpoint endpoint(asio::ip::make_address(address.address), address.port);
  acceptor_.open(endpoint.protocol());
  acceptor_.set_option(asio::socket_base::reuse_address(true));
  acceptor_.bind(endpoint);
  acceptor_.listen();
}

void MetricsServer::start() {
  spawn(control_, accept(), "metrics");
}

awaitable<void> MetricsServer::accept() {
  for (;;) {
    Socket socket(control_);
    boost::system::error_code error;
    co_await acceptor_.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) co_return;
    if (error) {
      // Out of descriptors: the next try is later, or it would never end.
      asio::steady_timer later(control_, std::chrono::seconds(1));
      co_await later.async_wait(asio::use_awaitable);
      continue;
    }
    if (*open_ < connections_at_most) spawn(control_, serve(std::move(socket)), "metrics connection");
  }
}

awaitable<void> MetricsServer::serve(Socket socket) {
  struct Count {
    std::shared_ptr<unsigned> open;
    explicit Count(std::shared_ptr<unsigned> counted) : open(std::move(counted)) { ++*open; }
    ~Count() { --*open; }
  } count(open_);
  const auto token = asio::as_tuple(asio::use_awaitable);
  beast::tcp_stream stream(std::move(socket));
  stream.expires_after(limit_);
  beast::flat_buffer buffer(header_limit);
  http::request_parser<http::empty_body> parser;
  parser.header_limit(header_limit);
  const auto read = co_await http::async_read_header(stream, buffer, parser, token);
  const auto& error = std::get<0>(read);
  if (error && !is_nonsense(error)) co_return;
  Response response;
  if (error) {
    response = words(http::status::bad_request, "no request\n");
  } else {
    response = answer_to(parser.get(), text_);
  }
  const bool head_only = !error && parser.get().method() == http::verb::head;
  if (head_only) response.body().clear();
  response.set(http::field::connection, "close");
  response.prepare_payload();
  const auto written = co_await http::async_write(stream, response, token);
  static_cast<void>(written);
  boost::system::error_code ignored;
  stream.socket().shutdown(asio::socket_base::shutdown_send, ignored);
}

}  // namespace proxy
