// The message as DATA sends it (RFC 5321 §4.1.1.4, §4.5.2): where it ends, what in it is not canonical, and the same
// octets in the one form that every MX reads alike. Only CRLF . CRLF ends a message (SMTP-02).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/mime/part_headers.hpp"

namespace smtp {

enum class BareNewline { reject, normalize };

/// Where octets above 127 are looked for that need SMTPUTF8: at every level only where the client asked for it, for
/// elsewhere they decide nothing.
enum class Headers { own, every_level };

/// What the octets so far have shown.
/// What decides by which hosts, and how, a message can go on.
struct ContentFacts {
  bool eight_bit = false;         ///< an octet above 127 came
  bool eight_bit_header = false;  ///< in a header: the message's own, or as Headers says
  bool newline_added = false;     ///< its last chunk ended within a line (SMTP-23)
  bool operator==(const ContentFacts&) const = default;
};

struct BodyFacts : ContentFacts {
  std::uint64_t octets = 0;   ///< of the message, unstuffed, without the end marker
  bool bare_newline = false;  ///< a CR without LF or an LF without CR came (in `normalize` it was mended)
  unsigned received = 0;      ///< Received header fields (SMTP-11)
};

/// Scans a message as it comes, in pieces of any size. Input is the wire form; output is the wire form too, canonical:
/// lines end in CRLF, every line that begins with a dot is stuffed, no bare CR or LF. Where the input is canonical
/// (nearly always) the output is a view of it: no copy. The end marker is not part of the output.
class DataScanner {
 public:
  explicit DataScanner(BareNewline mode, Headers headers = Headers::own) : mode_(mode), headers_(headers) {}

  struct Piece {
    std::size_t consumed = 0;    ///< octets of the input that are dealt with; the rest (two at most) must come again,
                                 ///< with more behind it
    std::string_view canonical;  ///< to be sent on; valid until the next call, or as long as the input
    bool end = false;            ///< the end marker was found: `consumed` stands behind it
  };
  /// With `reject`, scanning goes on after a bare newline so that the end is found; what it returns must not be sent
  /// then.
  Piece scan(std::string_view wire);

  const BodyFacts& facts() const { return facts_; }
  /// What is scanned is no client's DATA but its chunks, and the last line had no end.
  void note_added_newline() { facts_.newline_added = true; }

 private:
  /// Where in a line the next octet stands.
  enum class Line {
    start,   ///< behind CRLF: a dot is stuffing, or begins the end marker
    mended,  ///< behind a bare newline that was made CRLF: a dot is content
    inside,
  };

  bool take_dot(std::string_view wire, std::size_t& at);
  void bare_newline(std::string_view wire, std::size_t at);
  void replace(std::string_view wire, std::size_t at, std::size_t count, std::string_view text);
  void header_octets(std::string_view octets);
  void header_line_end();

  BareNewline mode_;
  Headers headers_;
  mime::PartHeaders part_headers_;
  BodyFacts facts_;
  Line line_ = Line::start;
  bool in_header_ = true;
  bool header_line_empty_ = true;
  unsigned name_matched_ = 0;  // letters of the field name "Received" that the line has shown so far
  std::size_t stuffing_ = 0;   // dots of this call's output that are not content
  std::string mended_;         // the canonical form where it differs from the input
  bool differs_ = false;
  std::size_t copied_ = 0;  // octets of the input that mended_ stands for
};

}  // namespace smtp
