// The message as DATA sends it (RFC 5321 §4.1.1.4, §4.5.2): where it ends, what in it is not canonical, and the same octets in the
// one form that every MX reads alike. Only CRLF . CRLF ends a message (SMTP-02).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace smtp {

enum class BareNewline { reject, normalize };

/// What the octets so far have shown.
struct BodyFacts {
  std::uint64_t octets = 0;      ///< of the message, unstuffed, without the end marker
  bool bare_newline = false;     ///< a CR without LF or an LF without CR came (in `normalize` it was mended)
  bool eight_bit = false;        ///< an octet above 127 came
  bool eight_bit_header = false;
  unsigned received = 0;         ///< Received header fields (SMTP-11)
};

/// Scans a message as it comes, in pieces of any size. Input is the wire form; output is the wire form too, canonical: lines end in
/// CRLF, every line that begins with a dot is stuffed, no bare CR or LF. Where the input is canonical (nearly always) the output
/// is a view of it: no copy. The end marker is not part of the output.
class DataScanner {
 public:
  explicit DataScanner(BareNewline mode) : mode_(mode) {}

  struct Piece {
    std::size_t consumed = 0;   ///< octets of the input that are dealt with; the rest must come again, with more behind it
    std::string_view canonical; ///< to be sent on; valid until the next call, or as long as the input
    bool end = false;           ///< the end marker was found: `consumed` stands behind it
  };
  /// With `reject`, scanning goes on after a bare newline so that the end is found; what it returns must not be sent then.
  Piece scan(std::string_view wire);

  const BodyFacts& facts() const { return facts_; }

 private:
  BareNewline mode_;
  BodyFacts facts_;
  bool line_start_ = true;
  bool in_header_ = true;
  std::string partial_header_;  // the start of a header line, enough to know a field's name
  std::string mended_;          // the canonical form where it differs from the input
};

}  // namespace smtp
