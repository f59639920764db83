// Headers of parts in reads of any sizes: the same answer, whatever the sizes. Without an octet above 127 it is no;
// with one in the message's own header it is yes; an octet that was none before never makes it no. The first octet
// picks the sizes. covers: SMTP-24
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base/text.hpp"
#include "protocol/mime/part_headers.hpp"
#include "tests/fuzz/must.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::size_t read = data[0];
  const std::string_view wire(reinterpret_cast<const char*>(data + 1), size - 1);
  mime::PartHeaders whole, parts;
  whole.scan(wire);
  for (std::size_t at = 0; at < wire.size();) {
    read = read * 5 + 1;
    const auto octets = wire.substr(at, 1 + read % 17);
    parts.scan(octets);
    at += octets.size();
  }
  MUST(parts.eight_bit() == whole.eight_bit());
  MUST(parts.over() == whole.over());
  if (!base::has_eight_bit(wire)) MUST(!whole.eight_bit());
  const auto end = std::min(wire.find("\n\r\n"), wire.find("\n\n"));
  if (!wire.starts_with("\r\n") && !wire.starts_with("\n") && base::has_eight_bit(wire.substr(0, end)))
    MUST(whole.eight_bit());
  return 0;
}
