// The scanner in reads of any sizes against a reference that knows no reads: same end, same content, nothing that two
// readers of the output could understand differently. The first octet picks mode and read sizes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/smtp/data_scanner.hpp"
#include "tests/fuzz/must.hpp"
#include "tests/unit/protocol/smtp/data_scanner_reference.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto mode = data[0] & 1 ? smtp::BareNewline::normalize : smtp::BareNewline::reject;
  std::size_t read = data[0] >> 1;
  const std::string_view wire(reinterpret_cast<const char*>(data + 1), size - 1);

  smtp::DataScanner scanner(mode);
  std::string canonical;
  std::size_t consumed = 0, come = 0;
  bool end = false;
  while (!end && come < wire.size()) {
    read = read * 5 + 1;
    come = std::min(wire.size(), come + 1 + read % 17);
    const auto piece = scanner.scan(wire.substr(consumed, come - consumed));
    consumed += piece.consumed;
    canonical += piece.canonical;
    end = piece.end;
    MUST(consumed <= come);
    MUST(end || come - consumed <= 2);
  }

  const auto expected = reference::decode(wire, mode);
  MUST(end == expected.has_value());
  if (!expected) return 0;
  MUST(consumed == expected->consumed);
  MUST(wire.substr(0, consumed).ends_with(consumed == 3 ? ".\r\n" : "\r\n.\r\n"));
  MUST(scanner.facts().bare_newline == expected->bare_newline);
  if (mode == smtp::BareNewline::reject && expected->bare_newline) return 0;
  MUST(canonical == reference::stuffed(expected->content));
  MUST(scanner.facts().octets == expected->content.size());
  // What goes on, with its own end marker, ends nowhere before it.
  canonical += ".\r\n";
  const auto next = reference::decode(canonical, smtp::BareNewline::reject);
  MUST(next && next->consumed == canonical.size() && !next->bare_newline && next->content == expected->content);
  return 0;
}
