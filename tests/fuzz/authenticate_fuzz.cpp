// A hostile next hop against AUTH. First octet: what it offers; then its octets, cut into reads at every 0xff; a read
// of nothing is the end of the connection. The cryptography is a fake, so that a host can prove itself.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "protocol/base/base64.hpp"
#include "protocol/smtp/authenticate.hpp"
#include "tests/fuzz/must.hpp"

namespace {

const std::string password = "s3cr3t-pencil";
const std::string encoded = base::base64(password), plain = base::base64(std::string("\0user\0", 6) + password);
const smtp::ScramCrypto fake{
    [](std::string_view) { return std::string(32, 'k'); },
    [](std::string_view, std::string_view) { return std::string(32, 'k'); },
    [](std::string_view, std::string_view, unsigned iterations) {
      MUST(iterations >= smtp::ScramClient::least_iterations && iterations <= smtp::ScramClient::most_iterations);
      return std::string(32, 'k');
    },
};
constexpr std::string_view offers[] = {"PLAIN", "LOGIN", "SCRAM-SHA-256", "LOGIN PLAIN SCRAM-SHA-256", "NTLM", ""};

bool shows_secret(std::string_view text) {
  return text.find(password) != text.npos || text.find(encoded) != text.npos || text.find(plain) != text.npos;
}

bool read(std::string_view& octets, smtp::InputBuffer& input) {
  const auto room = input.prepare();
  const auto count = std::min({octets.find('\xff'), octets.size(), room.size()});
  if (count == 0) return false;
  std::copy_n(octets.begin(), count, room.begin());
  input.commit(count);
  octets.remove_prefix(count);
  if (octets.starts_with('\xff')) octets.remove_prefix(1);
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
  smtp::InputBuffer input;
  smtp::Authenticate machine(offers[data[0] % std::size(offers)], {"user", password, {}, "abc", fake}, input);
  std::string written;
  bool failed = false;
  boost::system::error_code error;
  for (std::size_t steps = 0;; ++steps) {
    MUST(steps < 100 + size);
    auto step = machine.resume(error);
    if (const auto* write = std::get_if<smtp::Write>(&step)) {
      MUST(!failed && input.empty());
      // RFC 4954 §4: the longest line
      MUST(write->octets.ends_with("\r\n") && write->octets.size() <= 12288);
      MUST(write->octets.find_first_of("\r\n") == write->octets.size() - 2);
      MUST(write->secret || !shows_secret(write->octets));
      written += write->octets;
      MUST(std::count(written.begin(), written.end(), '\n') <= 5);
    } else if (std::holds_alternative<smtp::Read>(step)) {
      failed = !read(octets, input);
      if (failed) error = boost::system::errc::make_error_code(boost::system::errc::connection_reset);
    } else if (const auto* failure = std::get_if<smtp::Failure>(&step)) {
      MUST(failure->stage == smtp::Stage::auth && !failure->text.empty());
      MUST(!shows_secret(failure->text) && !shows_secret(failure->reply.text));
      MUST((failure->cause == smtp::Cause::refused) <= (failure->reply.code >= 400));
      return 0;
    } else {
      MUST(std::holds_alternative<smtp::Authenticated>(step));
      const auto& done = std::get<smtp::Authenticated>(step);
      MUST(done.reply.code == 235 && !shows_secret(done.reply.text) && written.find('*') == written.npos);
      switch (done.mechanism) {
        case smtp::SaslMechanism::plain: MUST(written.ends_with(plain + "\r\n")); break;
        case smtp::SaslMechanism::login: MUST(written.ends_with('\n' + encoded + "\r\n")); break;
        case smtp::SaslMechanism::scram_sha_256: MUST(written.ends_with("\r\n\r\n")); break;
      }
      return 0;
    }
  }
}
