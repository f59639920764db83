// DNS answers to values: what is used, what is definite, what is a failure of the lookup.
#include "protocol/dns/message.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/protocol/dns/wire_builder.hpp"

using dns::Answer;
using dns::Status;
using dns::Type;
using wire::Message;
using wire::pointer;

namespace {

Answer decode(const Message& message, std::string_view name, Type type) {
  const auto decoded = dns::decode_answer(message.str(), name, type);
  INFO((decoded.has_error() ? decoded.error().what : ""));
  REQUIRE(decoded.has_value());
  CHECK(decoded->id == 7);
  return decoded->answer;
}

const std::string asked = pointer(12);

std::string mx_data(unsigned preference, std::string_view host) {
  return wire::u16(preference) + wire::name(host);
}

}  // namespace

TEST_CASE("A query asks with RD and AD and ends in an OPT record of eleven octets", "[STS-69]") {
  const std::string query = dns::encode_query(0x1234, "_MTA-sts.example.com", Type::txt);
  const std::string question = wire::name("_MTA-sts.example.com") + wire::u16(16) + wire::u16(1);
  const std::string opt = std::string(1, '\0') + wire::u16(41) + wire::u16(1232) + wire::u32(0) + wire::u16(0);
  CHECK(opt.size() == 11);
  CHECK(query == wire::u16(0x1234) + wire::u16(0x0120) + wire::u16(1) + wire::u16(0) + wire::u16(0) + wire::u16(1) +
                     question + opt);
  CHECK(dns::encode_query(1, ".", Type::ns) == dns::encode_query(1, "", Type::ns));
  CHECK(dns::encode_query(1, "example.com.", Type::ns) == dns::encode_query(1, "example.com", Type::ns));
}

TEST_CASE("Names that cannot be are not asked", "[SMTP-14]") {
  for (const std::string& name :
       {std::string("a..b"), std::string(".a"), std::string("a.."), std::string(".."), std::string(64, 'x') + ".test",
        std::string("a\\999.test"), std::string("a\\1"), std::string("a\\")}) {
    INFO(name);
    CHECK(dns::encode_query(1, name, Type::a).empty());
  }
  std::string longest;
  for (int i = 0; i < 4; ++i) longest += std::string(i == 3 ? 61 : 63, 'x') + (i == 3 ? "" : ".");
  CHECK_FALSE(dns::encode_query(1, longest, Type::a).empty());
  CHECK(dns::encode_query(1, longest + "x", Type::a).empty());
}

TEST_CASE("The strings of one TXT record are joined without separators", "[STS-02]") {
  Message message("_mta-sts.example.com", wire::txt);
  message.answer(asked, wire::txt, 300, wire::counted("v=STSv1; i") + wire::counted("d=2026") + wire::counted("0101;"));
  message.answer(asked, wire::txt, 60, wire::counted("") + wire::counted("other") + wire::counted(""));
  message.answer(asked, wire::txt, 90, "");
  const Answer answer = decode(message, "_mta-sts.Example.com", Type::txt);
  CHECK(answer.status == Status::ok);
  CHECK(answer.txt == std::vector<std::string>{"v=STSv1; id=20260101;", "other", ""});
  CHECK(answer.ttl == 60);
  CHECK_FALSE(answer.alias);
  CHECK(answer.canonical == "_mta-sts.example.com");
}

TEST_CASE("Aliases are followed to the record and what lies beside is not used", "[STS-06]") {
  Message message("_mta-sts.example.com", wire::txt);
  message.answer(wire::name("elsewhere.test"), wire::txt, 1, wire::counted("not asked for"));
  message.answer(wire::name("B.hosted.test"), wire::txt, 500, wire::counted("v=STSv1; id=1;"));
  message.answer(wire::name("a.hosted.test"), wire::cname, 100, wire::name("b.Hosted.test"));
  message.answer(asked, wire::cname, 200, wire::name("A.hosted.test"));
  const Answer answer = decode(message, "_mta-sts.example.com", Type::txt);
  CHECK(answer.status == Status::ok);
  CHECK(answer.txt == std::vector<std::string>{"v=STSv1; id=1;"});
  CHECK(answer.alias);
  CHECK(answer.canonical == "b.hosted.test");
  CHECK(answer.ttl == 100);
}

TEST_CASE("A loop of aliases or a chain past the limit is a failure of the lookup", "[STS-69]") {
  for (const bool loop : {true, false}) {
    for (const unsigned length : {1u, 2u, 8u, 9u, 200u}) {
      INFO(length << (loop ? " in a loop" : " in a chain"));
      Message message("c0.test", wire::a);
      for (unsigned i = 0; i < length; ++i) {
        const unsigned next = loop && i + 1 == length ? 0 : i + 1;
        message.answer(wire::name("c" + std::to_string(i) + ".test"), wire::cname, 60,
                       wire::name("c" + std::to_string(next) + ".test"));
      }
      message.answer(wire::name("c" + std::to_string(length) + ".test"), wire::a, 60, "\x7f\1\1\1");
      const Answer answer = decode(message, "c0.test", Type::a);
      if (loop || length > 8) {
        CHECK(answer.status == Status::alias_loop);
        CHECK(dns::failed(answer.status));
        CHECK(answer.addresses.empty());
        CHECK(answer.ttl == 0);
      } else {
        CHECK(answer.status == Status::ok);
        CHECK(answer.canonical == "c" + std::to_string(length) + ".test");
      }
    }
  }
}

TEST_CASE("What a response code means for the lookup", "[SMTP-14]") {
  struct Row {
    unsigned rcode;
    Status status;
    bool failed;
  };
  for (const Row& row : {Row{0, Status::no_data, false}, Row{1, Status::servfail, true}, Row{2, Status::servfail, true},
                         Row{3, Status::nxdomain, false}, Row{4, Status::servfail, true}, Row{5, Status::refused, true},
                         Row{9, Status::servfail, true}, Row{15, Status::servfail, true}}) {
    INFO(row.rcode);
    const Answer answer =
        decode(Message("gone.test", wire::mx).rcode(row.rcode).soa_of(100, 50), "gone.test", Type::mx);
    CHECK(answer.status == row.status);
    CHECK(dns::failed(answer.status) == row.failed);
    CHECK(answer.text.empty() == !row.failed);
    CHECK(answer.ttl == (row.failed ? 0 : 50));
  }
}

TEST_CASE("The upper half of an extended response code is not lost", "[SMTP-14]") {
  // BADVERS is 16: its lower four bits are NOERROR, and without an answer that would look like a definite absence.
  Message message("gone.test", wire::mx);
  message.additional(wire::name(""), wire::opt, 0x01000000, "");
  CHECK(decode(message, "gone.test", Type::mx).status == Status::servfail);
}

TEST_CASE("How long an absence holds", "[SMTP-14]") {
  CHECK(decode(Message("a.test", wire::mx).soa_of(30, 60), "a.test", Type::mx).ttl == 30);
  CHECK(decode(Message("a.test", wire::mx).soa_of(0x80000001, 60), "a.test", Type::mx).ttl == 0);
  CHECK(decode(Message("a.test", wire::mx), "a.test", Type::mx).ttl == 0);
  CHECK(decode(Message("a.test", wire::mx).authority(wire::name("test"), wire::soa, 30, "junk"), "a.test", Type::mx)
            .ttl == 0);
  Message alias("a.test", wire::mx);
  alias.answer(asked, wire::cname, 20, wire::name("b.test")).soa_of(30, 60);
  for (const unsigned rcode : {0u, 3u}) {
    const Answer answer = decode(Message(alias).rcode(rcode), "a.test", Type::mx);
    CHECK(answer.status == (rcode == 0 ? Status::no_data : Status::nxdomain));
    CHECK(answer.canonical == "b.test");
    CHECK(answer.alias);
    CHECK(answer.ttl == 20);
  }
}

TEST_CASE("A server that only refers to others has not said that there is nothing", "[SMTP-14]") {
  Message referral("a.test", wire::mx);
  referral.authority(wire::name("test"), wire::ns, 30, wire::name("ns.test"));
  CHECK(decode(referral, "a.test", Type::mx).status == Status::no_data);  // it offers recursion
  referral.flags &= ~wire::ra;
  CHECK(decode(referral, "a.test", Type::mx).status == Status::servfail);
  CHECK(decode(Message(referral).flag(wire::aa), "a.test", Type::mx).status == Status::no_data);
  CHECK(decode(Message(referral).soa_of(1, 1), "a.test", Type::mx).status == Status::no_data);
}

TEST_CASE("MX hosts are names of any kind", "[SMTP-15][SMTP-16][N-2][N-3]") {
  Message message("example.com", wire::mx);
  message.answer(asked, wire::mx, 60, mx_data(20, "MX_1.Example.NET"));
  message.answer(asked, wire::mx, 60, mx_data(10, "127.0.0.1"));
  message.answer(asked, wire::mx, 60, mx_data(0, ""));
  message.answer(asked, wire::mx, 60, wire::u16(65535) + wire::counted("mx") + asked);
  message.answer(asked, wire::mx, 60, wire::u16(5) + wire::counted("a.b c\\\x01\xff") + asked);
  const Answer answer = decode(message, "example.com", Type::mx);
  CHECK(answer.status == Status::ok);
  const std::vector<dns::Mx> expected = {{20, "mx_1.example.net"},
                                         {10, "127.0.0.1"},
                                         {0, "."},
                                         {65535, "mx.example.com"},
                                         {5, "a\\046b\\032c\\092\\001\\255.example.com"}};
  CHECK(answer.mx == expected);
  // An odd name can be asked for as it is.
  const std::string query = dns::encode_query(1, expected[4].host, Type::a);
  CHECK(query.substr(12, 9) == wire::counted("a.b c\\\x01\xff"));
}

TEST_CASE("Addresses are written in one form", "[SMTP-16]") {
  struct Row {
    unsigned type;
    std::string data;
    const char* text;
  };
  using namespace std::string_literals;
  const Row rows[] = {
      {wire::a, "\0\0\0\0"s, "0.0.0.0"},
      {wire::a, "\xc0\x00\x02\xff"s, "192.0.2.255"},
      {wire::aaaa, std::string(16, '\0'), "::"},
      {wire::aaaa, std::string(15, '\0') + "\1", "::1"},
      {wire::aaaa, "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\1", "2001:db8::1"},
      {wire::aaaa, "\x20\x01\x0d\xb8\0\0\0\0\0\1\0\0\0\0\0\1"s, "2001:db8::1:0:0:1"},
      {wire::aaaa, "\x20\x01\x0d\xb8\0\0\0\1\0\1\0\1\0\1\0\1"s, "2001:db8:0:1:1:1:1:1"},
      {wire::aaaa, "\x20\x01\0\0\0\0\0\1\0\0\0\0\0\0\0\1"s, "2001:0:0:1::1"},
      {wire::aaaa, "\xfe\x80"s + std::string(14, '\0'), "fe80::"},
      {wire::aaaa, "\xAB\xCD\x0A\xBC\x00\xAB\x00\x0A\x01\x00\x10\x00\x10\x10\xff\xff"s,
       "abcd:abc:ab:a:100:1000:1010:ffff"},
      {wire::aaaa, std::string(10, '\0') + "\xff\xff\x7f\0\0\1"s, "::ffff:127.0.0.1"},
  };
  for (const Row& row : rows) {
    Message message("a.test", row.type);
    message.answer(asked, row.type, 60, row.data);
    CHECK(decode(message, "a.test", Type{static_cast<std::uint16_t>(row.type)}).addresses ==
          std::vector<std::string>{row.text});
  }
}

TEST_CASE("Other types asked for are found", "[STS-69]") {
  Message tlsa("_25._tcp.mx.test", wire::tlsa);
  tlsa.answer(asked, wire::tlsa, 60, std::string("\3\1\1\0\xff", 5)).flag(wire::ad);
  const Answer answer = decode(tlsa, "_25._tcp.mx.test", Type::tlsa);
  CHECK(answer.tlsa == std::vector<std::string>{std::string("\3\1\1\0\xff", 5)});
  CHECK(answer.authentic);

  Message root("", wire::ns);
  root.answer(wire::name(""), wire::ns, 60, wire::name("ns.test"));
  CHECK(decode(root, ".", Type::ns).status == Status::ok);
  CHECK_FALSE(decode(root, ".", Type::ns).authentic);

  Message alias("a.test", wire::cname);
  alias.answer(asked, wire::cname, 60, wire::name("a.test"));
  CHECK(decode(alias, "a.test", Type::cname).status == Status::ok);
}

TEST_CASE("A malformed record of the asked type spoils the answer", "[SMTP-14]") {
  struct Row {
    unsigned type;
    std::string data;
  };
  const Row rows[] = {
      {wire::a, "\1\2\3"},
      {wire::a, "\1\2\3\4\5"},
      {wire::aaaa, "\1\2\3\4"},
      {wire::mx, ""},
      {wire::mx, std::string(2, '\0')},
      {wire::mx, mx_data(1, "mx.test") + "x"},
      {wire::mx, wire::u16(1) + "\x05mx"},
      {wire::mx, wire::u16(1) + "\x80mx"},
      {wire::mx, wire::u16(1) + pointer(0x3fff)},
      {wire::txt,
       "\x05"
       "abc"},
      {wire::ns, "x"},
  };
  for (const Row& row : rows) {
    INFO("type " << row.type << " of " << row.data.size() << " octets");
    Message message("a.test", row.type);
    message.answer(asked, row.type, 60, row.data);
    const Type type{static_cast<std::uint16_t>(row.type)};
    CHECK(decode(message, "a.test", type).status == Status::garbage);
    // Of another type it is of no interest.
    Message other("a.test", wire::tlsa);
    other.answer(asked, row.type, 60, row.data);
    CHECK(decode(other, "a.test", Type::tlsa).status == Status::no_data);
  }
  Message alias("a.test", wire::a);
  alias.answer(asked, wire::cname, 60, "\x05x");
  CHECK(decode(alias, "a.test", Type::a).status == Status::garbage);
  Message both("a.test", wire::a);
  both.answer(asked, wire::a, 60, "\1\2\3\4").rcode(3);
  CHECK(decode(both, "a.test", Type::a).status == Status::garbage);
}

TEST_CASE("A truncated answer is to be asked again and nothing of it is used", "[STS-69]") {
  Message message("a.test", wire::a);
  message.answer(asked, wire::a, 60, "\1\2\3\4").flag(wire::tc);
  std::string cut = message.str();
  cut.resize(cut.size() - 3);
  for (const std::string& octets : {message.str(), cut}) {
    const auto decoded = dns::decode_answer(octets, "a.test", Type::a);
    REQUIRE(decoded.has_value());
    CHECK(decoded->truncated);
    CHECK(decoded->answer.addresses.empty());
    CHECK(dns::failed(decoded->answer.status));
  }
}

TEST_CASE("A message that does not answer the question is an error", "[SMTP-14]") {
  Message good("a.test", wire::a);
  good.answer(asked, wire::a, 60, "\1\2\3\4");
  REQUIRE(dns::decode_answer(good.str(), "A.test.", Type::a).has_value());

  const auto refused = [](const Message& message, std::string_view name = "a.test", Type type = Type::a) {
    return dns::decode_answer(message.str(), name, type).has_error();
  };
  CHECK(refused(good, "b.test"));
  CHECK(refused(good, "a.test.x"));
  CHECK(refused(good, "a..test"));
  CHECK(refused(good, "a.test", Type::aaaa));
  Message query = good;
  query.flags &= ~wire::qr;
  CHECK(refused(query));
  CHECK(refused(Message(good).flag(0x0800)));  // another opcode
  Message none = good;
  none.questions = 0;
  CHECK(refused(none));
  Message other_class = good;
  other_class.question.back() = '\3';
  CHECK(refused(other_class));
  // Cut anywhere, it is an error and nothing else.
  const std::string octets = good.str();
  for (std::size_t length = 0; length < octets.size(); ++length)
    CHECK(dns::decode_answer(octets.substr(0, length), "a.test", Type::a).has_error());
}

TEST_CASE("Compression that runs in circles or for ever ends", "[STS-69]") {
  Message self("a.test", wire::a);
  self.answer(pointer(self.size()), wire::a, 60, "\1\2\3\4");
  CHECK(dns::decode_answer(self.str(), "a.test", Type::a).has_error());
  Message forward("a.test", wire::a);
  forward.answer(pointer(forward.size() + 2), wire::a, 60, "\1\2\3\4");
  CHECK(dns::decode_answer(forward.str(), "a.test", Type::a).has_error());

  // Each record's name is a pointer to the pointer of the one before.
  for (const unsigned jumps : {32u, 33u}) {
    Message chain("a.test", wire::a);
    unsigned before = 12;
    for (unsigned i = 0; i < jumps; ++i) {
      const unsigned here = chain.size();
      chain.answer(pointer(before), wire::a, 60, "\1\2\3\4");
      before = here;
    }
    const auto decoded = dns::decode_answer(chain.str(), "a.test", Type::a);
    CHECK(decoded.has_value() == (jumps == 32));
    if (decoded) CHECK(decoded->answer.addresses.size() == 32);
  }
}

TEST_CASE("An answer of more than 4096 records is refused", "[STS-69]") {
  for (const unsigned records : {4096u, 4097u}) {
    Message message("t", wire::txt);
    for (unsigned i = 0; i < records; ++i) message.answer(asked, wire::txt, 60, "");
    CHECK(dns::decode_answer(message.str(), "t", Type::txt).has_value() == (records == 4096));
  }
}
