// From DATA's form to BDAT's.
#include "protocol/smtp/chunk.hpp"

namespace smtp {
namespace {

// RFC 5321 §4.5.2: a dot at the start of a line was put there, or is the first of two.
void append_unstuffed(std::string_view wire, std::string& octets) {
  if (wire.starts_with('.')) wire.remove_prefix(1);
  for (std::size_t at = wire.find("\r\n."); at != std::string_view::npos; at = wire.find("\r\n.")) {
    octets.append(wire.substr(0, at + 2));
    wire.remove_prefix(at + 3);
  }
  octets.append(wire);
}

}  // namespace

std::string last_chunk(std::string_view front, std::string_view wire) {
  std::string octets;
  octets.reserve(front.size() + wire.size());
  octets.append(front);
  append_unstuffed(wire, octets);
  std::string command = "BDAT " + std::to_string(octets.size()) + " LAST\r\n";
  command.reserve(command.size() + octets.size());
  return command.append(octets);
}

}  // namespace smtp
