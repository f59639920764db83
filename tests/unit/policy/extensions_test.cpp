// What a message uses against what a host offers: each pair of the two.
#include "policy/extensions.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "protocol/smtp/extensions.hpp"

namespace {

const std::string host = "mx.x.test";

std::string code_of(const smtp::Capabilities& offers, const policy::Used& used) {
  const auto refusal = policy::cannot_take(host, offers, used);
  if (!refusal) return "";
  CHECK(refusal->text.find(host) != std::string::npos);
  return refusal->enhanced;
}

}  // namespace

TEST_CASE("a host gets a message exactly where it can take all that the message uses", "[SMTP-21][SMTP-22][SMTP-24]") {
  unsigned taken = 0, refused = 0;
  for (unsigned bits = 0; bits < 1U << 9; ++bits) {
    const auto is = [&](unsigned bit) { return (bits >> bit & 1) != 0; };
    smtp::Capabilities offers;
    offers.esmtp = true;
    offers.eight_bit_mime = is(0);
    offers.smtputf8 = is(1);
    offers.size = is(2);
    offers.size_limit = is(2) && is(3) ? 1000 : 0;
    policy::Used used;
    if (is(4)) used.size = is(5) ? 1001 : 1000;
    used.international_address = is(6);
    used.eight_bit = is(7);
    used.utf8_header = is(8);
    const bool too_large = offers.size_limit > 0 && used.size.value_or(0) > offers.size_limit;
    const std::string expected = too_large                                        ? "5.3.4"
                                 : used.international_address && !offers.smtputf8 ? "5.6.7"
                                 : used.utf8_header && !offers.smtputf8           ? "5.6.9"
                                 : used.eight_bit && !offers.eight_bit_mime       ? "5.6.3"
                                                                                  : "";
    CAPTURE(bits);
    CHECK(code_of(offers, used) == expected);
    ++(expected.empty() ? taken : refused);
  }
  CHECK(taken > 100);
  CHECK(refused > 100);
}

TEST_CASE("a chunk is used where it saves a round trip and keeps every octet", "[SMTP-23]") {
  smtp::Capabilities offers;
  CHECK_FALSE(policy::may_use_chunk(offers, true, false));
  offers.chunking = true;
  CHECK(policy::may_use_chunk(offers, true, false));
  CHECK_FALSE(policy::may_use_chunk(offers, false, false));
  CHECK_FALSE(policy::may_use_chunk(offers, true, true));
}

TEST_CASE("the table of extensions names each once", "[SMTP-22]") {
  for (std::size_t i = 0; i < smtp::extensions.size(); ++i) {
    CHECK(static_cast<std::size_t>(smtp::extensions[i].extension) == i);
    for (std::size_t k = 0; k < i; ++k) CHECK(smtp::extensions[i].keyword != smtp::extensions[k].keyword);
  }
}

TEST_CASE("docs/extensions.md says what the table says", "[SMTP-22]") {
  using smtp::OfferedWhen;
  using smtp::WithoutIt;
  const auto offered = [](OfferedWhen when) -> std::string {
    switch (when) {
      case OfferedWhen::always: return "always";
      case OfferedWhen::before_tls: return "before TLS";
      case OfferedWhen::inside_tls: return "inside TLS";
      case OfferedWhen::where_it_counts: return "where a setting makes it mean something";
    }
    return "";
  };
  const auto without = [](WithoutIt what) -> std::string {
    switch (what) {
      case WithoutIt::nothing: return "it concerns the client's connection alone";
      case WithoutIt::not_sent: return "the parameter is left out";
      case WithoutIt::converted: return "the message goes another way, every octet the same";
      case WithoutIt::we_report: return "the relay tells the sender in the host's place";
      case WithoutIt::other_host: return "another host is sought, then the message is refused";
      case WithoutIt::not_admitted: return "the host does not qualify where TLS is demanded";
    }
    return "";
  };
  std::ifstream file(STS_RELAY_SOURCE "/docs/extensions.md");
  std::vector<std::string> rows;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("| ") && !line.starts_with("| Extension ")) rows.push_back(line);
  }
  REQUIRE(rows.size() == smtp::extensions.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& row = smtp::extensions[i];
    CHECK(rows[i] == "| " + std::string(row.keyword) + " | " + offered(row.offered) + " | " + without(row.without) +
                         " | " + std::string(row.rule) + " |");
  }
}
