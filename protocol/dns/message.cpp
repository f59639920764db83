// The codec of DNS messages. What an answer says about another name than the one asked, or an alias of it, is not used.
#include "protocol/dns/message.hpp"

#include <algorithm>
#include <limits>

#include "protocol/base/cursor.hpp"
#include "protocol/base/text.hpp"
#include "protocol/dns/address_text.hpp"
#include "protocol/dns/name.hpp"

namespace dns {
namespace {

constexpr std::size_t max_records = 4096;
constexpr unsigned max_aliases = 8;
constexpr std::uint16_t class_in = 1, type_opt = 41;
constexpr unsigned rcode_ok = 0, rcode_nxdomain = 3;

enum class Section { answer, authority, additional };

struct Record {
  Section section = Section::answer;
  std::string owner;
  std::uint16_t type = 0, record_class = 0;
  std::uint32_t ttl = 0;
  std::size_t data = 0, data_length = 0;  // where in the message
};

struct Message {
  std::string_view wire;
  std::uint16_t flags = 0;
  std::uint16_t counts[3] = {};  // by Section
  std::vector<Record> records;

  unsigned rcode() const { return (flags & 15u) | extended_rcode; }
  unsigned extended_rcode = 0;
};

void append_u16(std::string& wire, unsigned value) {
  wire += static_cast<char>(value >> 8 & 0xff);
  wire += static_cast<char>(value & 0xff);
}

/// RFC 2181 §8: a TTL with the highest bit set is 0.
std::uint32_t sane_ttl(std::uint32_t ttl) {
  return ttl > 0x7fffffff ? 0 : ttl;
}

base::ParseError broken(std::size_t offset, std::string what) {
  return {offset, std::move(what)};
}

/// Takes the three sections apart. The records' data is looked at only where it is used.
std::optional<base::ParseError> read_records(Message& message, base::Cursor& cursor) {
  for (const auto section : {Section::answer, Section::authority, Section::additional}) {
    for (unsigned left = message.counts[static_cast<std::size_t>(section)]; left > 0; --left) {
      if (message.records.size() == max_records) return broken(cursor.offset(), "more than 4096 records");
      Record record;
      record.section = section;
      auto owner = read_name(message.wire, cursor);
      if (!owner) return broken(cursor.offset(), "a record whose name is broken");
      record.owner = std::move(*owner);
      record.type = cursor.u16();
      record.record_class = cursor.u16();
      record.ttl = cursor.u32();
      record.data_length = cursor.u16();
      record.data = cursor.offset();
      cursor.take(record.data_length);
      if (!cursor.ok()) return broken(cursor.offset(), "a record longer than the message");
      // RFC 6891 §6.1.3: the upper eight bits of the response code; BADVERS would look like an empty success without
      // them.
      if (section == Section::additional && record.type == type_opt)
        message.extended_rcode = (record.ttl >> 24) << 4;
      else
        record.ttl = sane_ttl(record.ttl);
      message.records.push_back(std::move(record));
    }
  }
  return std::nullopt;
}

/// The name that ends exactly at the end of the record's data.
std::optional<std::string> name_at_end(std::string_view wire, const Record& record, base::Cursor cursor) {
  auto name = read_name(wire, cursor);
  if (!name || cursor.offset() != record.data + record.data_length) return std::nullopt;
  return name;
}

/// Adds one record of the asked type to the answer; false when its data is malformed.
bool add(Answer& answer, std::string_view wire, const Record& record) {
  const std::string_view data = wire.substr(record.data, record.data_length);
  switch (Type{record.type}) {
    case Type::a:
    case Type::aaaa:
      if (data.size() != (Type{record.type} == Type::a ? 4u : 16u)) return false;
      answer.addresses.push_back(address_text(data));
      return true;
    case Type::mx: {
      base::Cursor cursor(wire, record.data);
      Mx mx;
      mx.preference = cursor.u16();
      auto host = name_at_end(wire, record, cursor);
      if (!host) return false;
      mx.host = std::move(*host);
      answer.mx.push_back(std::move(mx));
      return true;
    }
    case Type::txt: {
      std::string joined;
      for (base::Cursor cursor(data); !cursor.at_end();) {
        joined += cursor.take(cursor.u8());
        if (!cursor.ok()) return false;
      }
      answer.txt.push_back(std::move(joined));
      return true;
    }
    case Type::tlsa: answer.tlsa.emplace_back(data); return true;
    case Type::ns:
    case Type::cname: return name_at_end(wire, record, base::Cursor(wire, record.data)).has_value();
    case Type::soa: return true;
  }
  return true;
}

/// How long "there is none" holds: RFC 2308 §5. Without an SOA not at all.
std::uint32_t negative_ttl(const Message& message) {
  for (const Record& record : message.records) {
    if (record.section != Section::authority || record.type != static_cast<std::uint16_t>(Type::soa)) continue;
    base::Cursor cursor(message.wire, record.data);
    if (!read_name(message.wire, cursor) || !read_name(message.wire, cursor)) return 0;
    cursor.take(16);
    const std::uint32_t minimum = cursor.u32();
    if (!cursor.ok() || cursor.offset() != record.data + record.data_length) return 0;
    return std::min(record.ttl, sane_ttl(minimum));
  }
  return 0;
}

/// An empty success that only names other servers is no statement that there is nothing (RFC 2308 §2.2).
bool is_referral(const Message& message) {
  constexpr unsigned authoritative = 0x0400, recursion_available = 0x0080;
  if (message.flags & (authoritative | recursion_available)) return false;
  const auto has = [&](Type type) {
    return std::any_of(message.records.begin(), message.records.end(), [&](const Record& record) {
      return record.section == Section::authority && record.type == static_cast<std::uint16_t>(type);
    });
  };
  return has(Type::ns) && !has(Type::soa);
}

void fail(Answer& answer, Status status, std::string text) {
  answer.mx.clear();
  answer.txt.clear();
  answer.addresses.clear();
  answer.tlsa.clear();
  answer.ttl = 0;
  answer.status = status;
  answer.text = std::move(text);
}

std::string rcode_text(unsigned rcode) {
  static constexpr std::string_view names[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
  return rcode < std::size(names) ? std::string(names[rcode]) : "response code " + std::to_string(rcode);
}

/// Follows the aliases from answer.canonical on. Sets answer.canonical, alias and ttl; false after a failure.
bool follow_aliases(Answer& answer, const Message& message, Type type) {
  const auto find = [&](std::uint16_t wanted) {
    return std::find_if(message.records.begin(), message.records.end(), [&](const Record& record) {
      return record.section == Section::answer && record.record_class == class_in && record.type == wanted &&
             record.owner == answer.canonical;
    });
  };
  for (unsigned aliases = 0; find(static_cast<std::uint16_t>(type)) == message.records.end(); ++aliases) {
    const auto alias = find(static_cast<std::uint16_t>(Type::cname));
    if (alias == message.records.end()) return true;
    if (aliases == max_aliases) {  // a loop gets here too
      fail(answer, Status::alias_loop,
           "more than 8 aliases, or a loop of them, at " + base::printable(answer.canonical));
      return false;
    }
    auto target = name_at_end(message.wire, *alias, base::Cursor(message.wire, alias->data));
    if (!target) {
      fail(answer, Status::garbage, "a CNAME record whose target is broken");
      return false;
    }
    answer.alias = true;
    answer.canonical = std::move(*target);
    answer.ttl = std::min(answer.ttl, alias->ttl);
  }
  return true;
}

void interpret(Answer& answer, const Message& message, Type type) {
  const unsigned rcode = message.rcode();
  if (rcode != rcode_ok && rcode != rcode_nxdomain) {
    fail(answer, rcode == 5 ? Status::refused : Status::servfail, "the DNS server answered " + rcode_text(rcode));
    return;
  }
  answer.ttl = std::numeric_limits<std::uint32_t>::max();
  if (!follow_aliases(answer, message, type)) return;
  std::size_t found = 0;
  for (const Record& record : message.records) {
    if (record.section != Section::answer || record.record_class != class_in || record.owner != answer.canonical ||
        record.type != static_cast<std::uint16_t>(type))
      continue;
    if (!add(answer, message.wire, record)) {
      fail(answer, Status::garbage, "a malformed " + std::string(name_of(type)) + " record");
      return;
    }
    answer.ttl = std::min(answer.ttl, record.ttl);
    ++found;
  }
  if (rcode == rcode_nxdomain && found > 0) {
    fail(answer, Status::garbage, "NXDOMAIN with records of that name");
  } else if (found > 0) {
    answer.status = Status::ok;
  } else if (rcode == rcode_ok && is_referral(message)) {
    fail(answer, Status::servfail, "the DNS server refers to others instead of answering");
  } else {
    answer.status = rcode == rcode_nxdomain ? Status::nxdomain : Status::no_data;
    answer.ttl = std::min(answer.ttl, negative_ttl(message));
  }
}

}  // namespace

std::string_view name_of(Type type) {
  switch (type) {
    case Type::a: return "A";
    case Type::ns: return "NS";
    case Type::cname: return "CNAME";
    case Type::soa: return "SOA";
    case Type::mx: return "MX";
    case Type::txt: return "TXT";
    case Type::aaaa: return "AAAA";
    case Type::tlsa: return "TLSA";
  }
  return "unknown type";
}

std::string_view words(Status status) {
  switch (status) {
    case Status::ok: return "ok";
    case Status::no_data: return "no such record";
    case Status::nxdomain: return "no such name";
    case Status::servfail: return "server failure";
    case Status::refused: return "refused by the DNS server";
    case Status::timeout: return "timed out";
    case Status::unreachable: return "DNS server unreachable";
    case Status::garbage: return "malformed answer";
    case Status::alias_loop: return "loop or too long a chain of aliases";
  }
  return "unknown";
}

std::string encode_query(std::uint16_t id, std::string_view name, Type type) {
  const auto wire = wire_name(name);
  if (!wire) return {};
  std::string query;
  append_u16(query, id);
  append_u16(query, 0x0120);  // RD, AD (RFC 6840 §5.7: asks to be told whether the answer is authentic)
  for (const unsigned count : {1u, 0u, 0u, 1u}) append_u16(query, count);
  query += *wire;
  append_u16(query, static_cast<unsigned>(type));
  append_u16(query, class_in);
  // RFC 6891 §6.1.2: root, OPT, 1232 octets, no extended code, version 0, no flags, no data.
  query += '\0';
  append_u16(query, type_opt);
  append_u16(query, 1232);
  for (int i = 0; i < 3; ++i) append_u16(query, 0);
  return query;
}

base::Parsed<Decoded> decode_answer(std::string_view wire, std::string_view name, Type type) {
  constexpr unsigned response = 0x8000, opcode = 0x7800, truncated = 0x0200, authentic = 0x0020;
  base::Cursor cursor(wire);
  Message message;
  message.wire = wire;
  Decoded decoded;
  decoded.id = cursor.u16();
  message.flags = cursor.u16();
  const unsigned questions = cursor.u16();
  for (auto& count : message.counts) count = cursor.u16();
  if (!cursor.ok()) return broken(wire.size(), "shorter than a DNS header");
  if ((message.flags & (response | opcode)) != response) return broken(2, "no response to a query");
  if (questions != 1) return broken(4, "expected one question, found " + std::to_string(questions));

  const auto question = read_name(wire, cursor);
  const std::uint16_t asked = cursor.u16(), asked_class = cursor.u16();
  if (!question || !cursor.ok()) return broken(12, "the question is broken");
  if (asked != static_cast<std::uint16_t>(type) || asked_class != class_in || *question != canonical_text(name))
    return broken(12, "the answer to another question: " + base::printable(*question, 100));

  Answer& answer = decoded.answer;
  answer.canonical = *question;
  answer.authentic = (message.flags & authentic) != 0;
  decoded.truncated = (message.flags & truncated) != 0;
  if (decoded.truncated) {
    // RFC 2181 §9: what did arrive is not used.
    fail(answer, Status::garbage, "truncated");
    return decoded;
  }
  if (auto error = read_records(message, cursor)) return *error;
  interpret(answer, message, type);
  return decoded;
}

}  // namespace dns
