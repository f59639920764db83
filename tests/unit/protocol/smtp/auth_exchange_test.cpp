// One SASL exchange: what is asked, what comes of it, what refuses it.
#include "protocol/smtp/auth_exchange.hpp"

#include <catch2/catch.hpp>

#include "protocol/base/base64.hpp"

using namespace smtp;

namespace {

using Step = AuthExchange::Step;
const std::string nul(1, '\0');

std::string plain(const std::string& identity, const std::string& user, const std::string& password) {
  return base::base64(identity + nul + user + nul + password);
}

/// What the step is, in words.
std::string words(const Step& step) {
  if (const auto* challenge = std::get_if<std::string_view>(&step)) return std::string(*challenge);
  if (const auto* reply = std::get_if<Reply>(&step)) return std::to_string(reply->code) + " " + reply->enhanced;
  const auto& given = std::get<Credentials>(step);
  return given.identity + "|" + given.user + "|" + given.password;
}

std::string initial(Mechanism mechanism, const std::string& text, bool inline_login = true) {
  AuthExchange exchange(mechanism);
  return words(exchange.start(text, inline_login));
}
std::string answered(const std::string& line) {
  AuthExchange exchange(Mechanism::plain);
  CHECK(words(exchange.start(std::nullopt, true)) == "334 \r\n");
  return words(exchange.response(line));
}

}  // namespace

TEST_CASE("mechanisms are known in any case", "[SMTP-32]") {
  CHECK(mechanism_of("plain") == Mechanism::plain);
  CHECK(mechanism_of("Login") == Mechanism::login);
  for (const auto* name : {"", "PLAINX", "PLAI", "CRAM-MD5", "EXTERNAL", "PLAIN LOGIN"})
    CHECK_FALSE(mechanism_of(name));
}

TEST_CASE("PLAIN takes its message with the command or behind a prompt", "[SMTP-32]") {
  struct Row {
    std::string message;  // base64
    const char* outcome;
  };
  const std::string long_password(9000, 'p');
  const Row rows[] = {
      {"AGEAYg==", "|a|b"},
      {plain("", "user@example.org", "pass word"), "|user@example.org|pass word"},
      {plain("ann", "ann", "x"), "ann|ann|x"},
      {plain("", "j\xc3\xbcrgen", "\xf0\x9f\x94\x91"), "|j\xc3\xbcrgen|\xf0\x9f\x94\x91"},
      {plain("bob", "ann", "x"), "535 5.7.8"},
      {plain("Ann", "ann", "x"), "535 5.7.8"},
      {plain("", "", "x"), "535 5.7.8"},
      {plain("", "ann", ""), "535 5.7.8"},
      {plain("", "ann", "x" + nul + "y"), "535 5.7.8"},
      {plain("", "ann\n", "x"), "535 5.7.8"},
      {plain("", "ann", "x\x1b[31m"), "535 5.7.8"},
      {plain("", "ann", "x\x7f"), "535 5.7.8"},
      {plain("", "ann", "x\xc2\x85"), "535 5.7.8"},
      {plain("", "ann\xff", "x"), "535 5.7.8"},
      {plain("", "ann\xc3", "x"), "535 5.7.8"},
      {plain("", "ann", "\xed\xa0\x80"), "535 5.7.8"},
      {base::base64("ann"), "501 5.5.2"},
      {base::base64("ann" + nul + "x"), "501 5.5.2"},
      {base::base64(nul), "501 5.5.2"},
      {"AGEAYg", "501 5.5.2"},
      {"AGEAYg==x", "501 5.5.2"},
      {"AGEAYg== ", "501 5.5.2"},
      {"AGEA Yg==", "501 5.5.2"},
      {"caf\xc3\xa9", "501 5.5.2"},
      {std::string("AGE\0", 4), "501 5.5.2"},
      {"AGEAYg==\r", "501 5.5.2"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.message.substr(0, 40), row.outcome);
    CHECK(initial(Mechanism::plain, row.message) == row.outcome);
    CHECK(initial(Mechanism::plain, row.message, false) == row.outcome);
    CHECK(answered(row.message) == row.outcome);
  }
  CHECK(initial(Mechanism::plain, plain("", "a", long_password)) == "|a|" + long_password);
  CHECK(initial(Mechanism::plain, "=") == "501 5.5.2");
  CHECK(initial(Mechanism::plain, "*") == "501 5.5.2");
  CHECK(answered("") == "501 5.5.2");
  CHECK(answered("=") == "501 5.5.2");
  CHECK(answered("*") == "501 5.7.0");
  CHECK(answered("**") == "501 5.5.2");
}

TEST_CASE("LOGIN asks for the user and the password with the prompts that clients compare", "[SMTP-32][A-1]") {
  AuthExchange exchange(Mechanism::login);
  CHECK(words(exchange.start(std::nullopt, false)) == "334 VXNlcm5hbWU6\r\n");
  CHECK(words(exchange.response(base::base64("ann"))) == "334 UGFzc3dvcmQ6\r\n");
  CHECK(words(exchange.response(base::base64("x y"))) == "|ann|x y");

  AuthExchange with_user(Mechanism::login);
  CHECK(words(with_user.start("dXNlcg==", true)) == "334 UGFzc3dvcmQ6\r\n");
  CHECK(words(with_user.response(base::base64("x"))) == "|user|x");

  CHECK(initial(Mechanism::login, "dXNlcg==", false) == "501 5.5.4");
  CHECK(initial(Mechanism::login, "dXNlcg=", true) == "501 5.5.2");
}

TEST_CASE("LOGIN broken at either line ends", "[SMTP-32]") {
  for (const bool password : {false, true}) {
    const std::pair<std::string, const char*> rows[] = {
        {"*", "501 5.7.0"}, {"%", "501 5.5.2"}, {"dXNlcg", "501 5.5.2"}, {"dXNlcg==\n", "501 5.5.2"}};
    for (const auto& [line, outcome] : rows) {
      AuthExchange exchange(Mechanism::login);
      exchange.start(std::nullopt, true);
      if (password) exchange.response("dXNlcg==");
      CAPTURE(line, password);
      CHECK(words(exchange.response(line)) == outcome);
    }
  }
  // What cannot be a name or a password is refused as a wrong one is, and where a wrong one would be.
  for (const auto& [user, password] : {std::pair<std::string, std::string>{"", "x"}, {"ann", ""}, {"a" + nul, "x"}}) {
    AuthExchange exchange(Mechanism::login);
    exchange.start(std::nullopt, true);
    CHECK(words(exchange.response(base::base64(user))) == "334 UGFzc3dvcmQ6\r\n");
    CHECK(words(exchange.response(base::base64(password))) == "535 5.7.8");
  }
}
