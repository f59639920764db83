// One command and its reply, and the buffer between.
#include "protocol/smtp/exchange.hpp"

#include <catch2/catch.hpp>

#include "tests/support/replay.hpp"

using replay::Fault;
using smtp::Cause;
using smtp::Stage;

namespace {

auto make(std::string_view command, bool early = false) {
  return [=](smtp::InputBuffer& input) { return smtp::Exchange(Stage::data, command, input, early); };
}

void put(smtp::InputBuffer& input, std::string_view octets) {
  std::ranges::copy(octets, input.prepare().begin());
  input.commit(octets.size());
}

}  // namespace

TEST_CASE("One command and its reply broken at every step", "[SMTP-38][SMTP-45]") {
  for (const char* reply : {"354 go on\r\n", "250-a\r\n250 b\r\n", "451 4.3.0 no\r\n", "554\r\n"}) {
    replay::break_at_every_step({{"DATA\r\n", reply}}, make("DATA\r\n"),
                                [&](Fault fault, std::size_t, const auto& outcome) {
                                  switch (fault) {
                                    case Fault::none:
                                    case Fault::early_reply:
                                      REQUIRE_FALSE(outcome.failed);
                                      CHECK(outcome.value.code == std::stoi(reply));
                                      break;
                                    case Fault::reply_421:
                                      REQUIRE_FALSE(outcome.failed);
                                      CHECK(outcome.value.code == 421);
                                      break;
                                    case Fault::timeout:
                                      CHECK((outcome.failed && outcome.failure.cause == Cause::timed_out));
                                      break;
                                    case Fault::eof:
                                    case Fault::reset:
                                      CHECK((outcome.failed && outcome.failure.cause == Cause::lost));
                                      break;
                                    default: CHECK((outcome.failed && outcome.failure.cause == Cause::nonsense));
                                  }
                                  if (outcome.failed) CHECK(outcome.failure.stage == Stage::data);
                                });
  }
}

TEST_CASE("Octets that are there before the command is written are nonsense", "[SMTP-45][SMTP-50]") {
  smtp::InputBuffer input;
  put(input, "421 4.4.2 idle\r\n");
  smtp::Exchange strict(Stage::rset, "RSET\r\n", input);
  const auto step = strict.resume({});
  REQUIRE(std::holds_alternative<smtp::Failure>(step));
  CHECK(std::get<smtp::Failure>(step).cause == Cause::nonsense);

  smtp::Exchange lenient(Stage::final_dot, ".\r\n", input, true);
  REQUIRE(std::holds_alternative<smtp::Write>(lenient.resume({})));
  const auto early = lenient.resume({});
  REQUIRE(std::holds_alternative<smtp::Reply>(early));
  CHECK(std::get<smtp::Reply>(early).code == 421);
  CHECK(input.empty());
}

TEST_CASE("Without a command only a reply is read", "[SMTP-45]") {
  smtp::InputBuffer input;
  put(input, "552 5.3.4 too large\r\nrest");
  smtp::Exchange machine(Stage::body, {}, input);
  const auto step = machine.resume({});
  REQUIRE(std::holds_alternative<smtp::Reply>(step));
  CHECK(std::get<smtp::Reply>(step) == smtp::Reply{552, "5.3.4", "too large"});
  CHECK(input.unread() == "rest");
}

TEST_CASE("The input buffer keeps what is unread in order", "[SMTP-50]") {
  smtp::InputBuffer input;
  CHECK(input.empty());
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    const std::string piece = std::to_string(i) + ";";
    REQUIRE(input.prepare().size() >= 2048);
    put(input, piece);
    expected += piece;
    const std::size_t taken = static_cast<std::size_t>(i % 6);
    input.consume(taken);
    expected.erase(0, taken);
    REQUIRE(input.unread() == expected);
  }
  input.consume(expected.size());
  CHECK(input.empty());
}
