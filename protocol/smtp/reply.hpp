// SMTP replies: as values, on the wire, and what another host's reply becomes before a client of ours may see it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace smtp {

/// One reply. `enhanced` is "5.7.1" or empty (greeting, EHLO, HELO, 3xx); `text` holds the lines without code and
/// enhanced code, separated by '\n'.
struct Reply {
  int code = 0;
  std::string enhanced;
  std::string text;

  int kind() const { return code / 100; }
  bool positive() const { return kind() == 2; }
  bool operator==(const Reply&) const = default;
};

/// Appends the reply's lines, each with code and enhanced code, each ending in CRLF and at most 512 octets long.
void append(std::string& wire, const Reply& reply);

/// A reply of an MX made fit for our client (SMTP-27): printable ASCII, at most eight lines of text, an enhanced code
/// of the reply's class on every line (X.0.0 where it had none or a contradicting one). The code stays.
Reply cleaned(const Reply& from_mx);

/// On one line, for logs and reasons: `550 5.1.1 no such user`, cleaned, at most `limit` octets. Empty for code 0.
std::string on_one_line(const Reply& reply, std::size_t limit = 200);

/// Reads one reply from octets as they come. A reply is malformed (SMTP-45) when a line has no code of three digits
/// with a first digit 2 to 5, when lines differ in their code, or when it is longer than 64 KiB or a line longer than 8
/// KiB (SMTP-38).
class ReplyReader {
 public:
  enum class State { more, complete, malformed };

  /// Takes octets up to the end of the reply; `consumed` says how many. After `complete` or `malformed` call reset()
  /// first.
  State feed(std::string_view octets, std::size_t& consumed);
  /// Valid after `complete`.
  const Reply& reply() const { return reply_; }
  /// What is wrong, after `malformed`: the line as it came, printable; never empty.
  const std::string& fault() const { return fault_; }
  void reset();

 private:
  State take_line(std::string_view line);

  Reply reply_;
  std::string partial_;  // the octets of a line that is not complete
  std::size_t total_ = 0;
  std::string fault_;
};

}  // namespace smtp
