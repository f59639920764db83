// The only loop that runs a client machine: it does what the machine asks and tells it how that went.
#pragma once

#include <boost/asio/error.hpp>
#include <variant>

#include "protocol/smtp/client_step.hpp"
#include "proxy/net/stream.hpp"

namespace proxy {

/// Runs `machine` to its result. `ssl` is what a Handshake step uses (null: the machine asks for none). Timeouts reach
/// the machine as errc::timed_out.
template <class T, class Machine>
awaitable<std::variant<T, smtp::Failure>> drive(Stream& stream, smtp::InputBuffer& input, Machine& machine,
                                                Deadline deadline, SslPtr ssl = nullptr) {
  error_code error;
  for (;;) {
    auto step = machine.resume(error);
    if (auto* write = std::get_if<smtp::Write>(&step)) {
      error = co_await stream.write(write->octets, deadline);
    } else if (std::get_if<smtp::Read>(&step)) {
      const auto into = input.prepare();
      const auto done = co_await stream.read(into, deadline);
      error = done.error;
      if (!error) input.commit(done.octets);
    } else if (std::get_if<smtp::Handshake>(&step)) {
      error = co_await stream.handshake(std::move(ssl), deadline);
    } else if (auto* failure = std::get_if<smtp::Failure>(&step)) {
      co_return std::move(*failure);
    } else {
      co_return std::move(std::get<T>(step));
    }
    if (error == boost::asio::error::timed_out) error = make_error_code(boost::system::errc::timed_out);
  }
}

}  // namespace proxy
