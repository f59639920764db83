// Answers of a hostile DNS server. The question in the message is taken as the one asked, so that the fuzzer gets past
// it.
#include <cstdint>
#include <string_view>

#include "protocol/base/cursor.hpp"
#include "protocol/base/text.hpp"
#include "protocol/dns/message.hpp"
#include "protocol/dns/name.hpp"
#include "tests/fuzz/must.hpp"

namespace {

/// A decoded name is harmless text and can be asked for; what is asked is the same name.
void check_name(std::string_view name) {
  for (const char c : name) MUST(base::is_printable(c) && c != ' ' && base::to_lower(c) == c);
  MUST(!name.empty());
  const auto wire = dns::wire_name(name);
  MUST(wire.has_value() && wire->size() <= 255);
  base::Cursor cursor(*wire);
  const auto again = dns::read_name(*wire, cursor);
  MUST(again.has_value() && *again == name && cursor.at_end());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view wire(reinterpret_cast<const char*>(data), size);
  if (size < 12) return 0;
  base::Cursor cursor(wire, 12);
  const auto question = dns::read_name(wire, cursor);
  const dns::Type type{cursor.u16()};
  if (!question) {
    MUST(dns::decode_answer(wire, "example.com", dns::Type::mx).has_error());
    return 0;
  }
  check_name(*question);

  const auto decoded = dns::decode_answer(wire, *question, type);
  if (decoded.has_error()) {
    for (const char c : decoded.error().what) MUST(base::is_printable(c));
    return 0;
  }
  const dns::Answer& answer = decoded->answer;
  const std::size_t records = answer.mx.size() + answer.txt.size() + answer.addresses.size() + answer.tlsa.size();
  MUST(answer.status == dns::Status::ok || records == 0);
  MUST(!decoded->truncated || dns::failed(answer.status));
  MUST(dns::failed(answer.status) == !answer.text.empty());
  for (const char c : answer.text) MUST(base::is_printable(c));
  MUST(answer.ttl <= 0x7fffffff);
  MUST(records <= 4096);
  check_name(answer.canonical);
  for (const dns::Mx& mx : answer.mx) check_name(mx.host);
  for (const std::string& address : answer.addresses) MUST(address.size() >= 2 && address.size() <= 45);

  const std::string query = dns::encode_query(decoded->id, *question, type);
  MUST(query.size() >= 28 && dns::decode_answer(query, *question, type).has_error());  // a query is no answer
  return 0;
}
