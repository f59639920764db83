// The question, and the hash.
#include "proxy/cli/password_command.hpp"

#include <openssl/crypto.h>
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <optional>
#include <string>

#include "proxy/config/users.hpp"

namespace proxy {
namespace {

constexpr int exit_ok = 0, exit_wrong = 2, exit_error = 3;

/// A terminal that shows nothing of what is typed, as long as this lives.
class NoEcho {
 public:
  NoEcho() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  ~NoEcho() {
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

 private:
  termios before_{};
  bool changed_ = false;
};

/// One line without its end; nothing: the input is over before one began.
std::optional<std::string> line() {
  std::string text;
  int octet = std::getchar();
  if (octet == EOF) return std::nullopt;
  for (; octet != EOF && octet != '\n'; octet = std::getchar()) text += static_cast<char>(octet);
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

std::optional<std::string> asked(const char* question) {
  std::fputs(question, stderr);
  std::optional<std::string> answer;
  {
    const NoEcho quiet;
    answer = line();
  }
  std::fputc('\n', stderr);
  return answer;
}

void wipe(std::optional<std::string>& text) {
  if (text) OPENSSL_cleanse(text->data(), text->size());
}

}  // namespace

int run_password() {
  std::setvbuf(stdin, nullptr, _IONBF, 0);  // what is read stays in no buffer
  const bool terminal = ::isatty(STDIN_FILENO) == 1;
  auto password = terminal ? asked("Password: ") : line();
  if (terminal && password) {
    auto again = asked("The same again: ");
    const bool same = again == password;
    wipe(again);
    if (!same) {
      wipe(password);
      std::fputs("the two differ\n", stderr);
      return exit_wrong;
    }
  }
  if (!password || password->empty()) {
    std::fputs("no password was given, expected one line\n", stderr);
    return exit_wrong;
  }
  const auto hash = hash_password(*password);
  wipe(password);
  if (!hash) {
    std::fputs("this password cannot be hashed, expected at most 511 octets without NUL\n", stderr);
    return exit_error;
  }
  std::printf("%s\n", hash->c_str());
  if (terminal) std::fputs("For the users file:  [users]  \"NAME\" = \"this line\"\n", stderr);
  return exit_ok;
}

}  // namespace proxy
