// Octets above 127 in headers and beside them: by hand where structure is odd, then in random trees of parts.
#include "protocol/mime/part_headers.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

namespace {

bool scan(std::string_view wire, std::size_t read) {
  mime::PartHeaders headers;
  for (std::size_t at = 0; at < wire.size(); at += read) headers.scan(wire.substr(at, read));
  return headers.eight_bit();
}

const std::string mixed = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
const std::string attached = mixed + "--b\r\nContent-Type: message/rfc822\r\n\r\n";

struct Random {
  std::mt19937 engine;
  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(engine); }
};

/// A message made at random. `places` are offsets where an octet may be put that is in a header, or that is not.
struct Tree {
  explicit Tree(unsigned seed) : random{std::mt19937(seed)} { entity(0, false); }

  void entity(int depth, bool in_digest) {
    const bool multipart = depth < 5 && random.below(2) == 0;
    const bool message = !multipart && depth < 5 && random.below(4) == 0;
    header_place("Subject: x");
    const auto boundary = "b" + std::string(random.below(3), 'b') + std::to_string(number++);
    const bool digest = multipart && random.below(4) == 0;
    if (multipart) {
      text += random.below(2) == 0 ? "Content-Type: multipart/" : "CONTENT-type :\r\n\tMultipart/";
      text += digest ? "digest" : "alternative";
      text += random.below(2) == 0 ? "; boundary=" + boundary : ";\r\n x=\"y;\" ;\r\n boundary=\"" + boundary + "\"";
      text += "\r\n";
    } else if (message && (!in_digest || random.below(2) == 0)) {
      text += random.below(2) == 0 ? "Content-Type: message/rfc822\r\n" : "Content-Type: message/global; x=y\r\n";
    } else if (!message && (in_digest || random.below(2) == 0)) {
      text += "Content-Type: text/plain; charset=utf-8\r\n";
    } else if (message) {
      // of a digest: nothing said
    } else {
      text += "Content-Transfer-Encoding: 8bit\r\n";
    }
    header_place(" folded", "X-Last:");
    text += "\r\n";
    if (message) return entity(depth + 1, false);
    body_lines();
    if (!multipart) return;
    for (std::size_t parts = random.below(4); parts > 0; --parts) {
      text += "--" + boundary + (random.below(4) == 0 ? " \t\r\n" : "\r\n");
      entity(depth + 1, digest);
    }
    if (random.below(4) != 0) {
      text += "--" + boundary + "--\r\n";
      body_lines();
    }
  }
  void header_place(const char* line, const char* before = nullptr) {
    if (before != nullptr) text += std::string(before) + "\r\n";
    text += line;
    in_header.push_back(text.size());
    text += "\r\n";
  }
  void body_lines() {
    static const char* const lines[] = {"", "-", "--", "-- ", "Subject: not one", " x", "--x", "..", "--\t", "text"};
    for (std::size_t count = random.below(5); count > 0; --count) {
      text += lines[random.below(std::size(lines))];
      in_body.push_back(text.size());
      text += "\r\n";
    }
  }

  Random random;
  std::string text;
  std::vector<std::size_t> in_header, in_body;
  int number = 0;
};

}  // namespace

TEST_CASE("an octet above 127 in a header of any level is seen and in a body it is not", "[SMTP-24]") {
  struct Row {
    bool header;
    std::string content;
  };
  const Row rows[] = {
      {false, ""},
      {true, "Subject: \xc3\xa9"},
      {true, "Subject: x\r\n \xc3\xa9\r\n\r\n"},
      {false, "Subject: x\r\n\r\n--b\r\nSubject: \xc3\xa9\r\n"},
      {false, "Content-Type: text/plain; boundary=b\r\n\r\n--b\r\nSubject: \xc3\xa9\r\n"},
      {true, mixed + "--b\r\nContent-Disposition: attachment; filename=\"\xc3\xa9\"\r\n\r\n"},
      {true, mixed + "preamble\r\n--b \r\n\r\nx\r\n--b\t\r\nX: \xe9"},
      {false, mixed + "\xc3\xa9\r\n--b\r\nX: y\r\n\r\n\xc3\xa9\r\n--b--\r\nX: \xc3\xa9\r\n--b\r\nX: \xc3\xa9\r\n"},
      {false, mixed + "--b\r\n\r\nSubject: \xc3\xa9\r\n"},
      {true, mixed + "--b\r\nno field, no empty line \xc3\xa9\r\n"},
      {true, attached + "Subject: \xc3\xa9\r\n\r\n"},
      {false, attached + "Subject: x\r\n\r\n\xc3\xa9\r\n--b\r\n\r\n\xc3\xa9\r\n"},
      {true, attached + "Subject: x\r\n\r\n--b\r\nX: \xc3\xa9\r\n"},
      {true, attached + "--b\r\n\r\n--b\r\nX: \xc3\xa9\r\n"},  // a part that has no header's end
      {true, "Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\nX: \xc3\xa9\r\n"},
      {true, "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: \xc3\xa9\r\n"},
      {false,
       "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\nContent-type: text/plain\r\n\r\nX: \xc3\xa9\r\n"},
      // Content that is fields needs what a header needs.
      {true, "Content-Type: message/global-headers\r\n\r\nX: y\r\n\r\nX: \xc3\xa9\r\n"},
      {true, mixed + "--b\r\nContent-Type: message/global-delivery-status\r\n\r\nX: y\r\n\r\nX: \xc3\xa9\r\n"},
      {false, mixed + "--b\r\nContent-Type: message/delivery-status\r\n\r\nX: y\r\n--b\r\n\r\n\xc3\xa9\r\n"},
      {false, "Content-Type: text/rfc822-headers\r\n\r\nX: \xc3\xa9\r\n"},
      // The outer boundary ends what is within it.
      {true, mixed + "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--b\r\nX: \xc3\xa9\r\n"},
      {false,
       mixed + "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\n--b\r\n\r\n--c\r\nX: \xc3\xa9\r\n"},
      {true, mixed + "--b\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\nX: \xc3\xa9\r\n"},
      // Not sure: what looks like a field counts.
      {true, mixed + "--bx\r\nSubject: \xc3\xa9\r\n"},
      {false, mixed + "--bx\r\nd\xc3\xa9j\xc3\xa0 vu\r\n"},
      {true, "Content-Type: multipart/mixed\r\n\r\n--x\r\nSubject: \xc3\xa9\r\n"},
      {true, "Content-Type: multipart/mixed; boundary*0=x\r\n\r\n--x\r\nA: b\r\nSubject : \xc3\xa9\r\n"},
      {false, "Content-Type: multipart/mixed\r\n\r\n-- \r\nSubject: \xc3\xa9\r\n"},
      {false, "Content-Type: multipart/mixed\r\n\r\n--x\r\nA: b\r\n\r\nSubject: \xc3\xa9\r\n"},
      {true, "Content-Type: nonsense\r\n\r\n--x\r\nA: \xc3\xa9\r\n"},
      {true, "Content-Type: text/plain\r\n" + mixed + "--b\r\nA: \xc3\xa9\r\n"},
      {true, mixed.substr(0, mixed.size() - 2) + "Content-Type: text/plain\r\n\r\n--b\r\nA: \xc3\xa9\r\n"},
      {true,
       "Content-Type: multipart/mixed; x=" + std::string(5000, 'x') + "; boundary=b\r\n\r\n--b\r\nA: \xc3\xa9\r\n"},
  };
  for (const Row& row : rows) {
    INFO(row.content);
    for (const std::size_t read : {std::size_t{1}, std::size_t{2}, std::size_t{7}, row.content.size() + 1})
      CHECK(scan(row.content, read) == row.header);
  }
}

TEST_CASE("nothing more is looked at once no header can follow", "[SMTP-24]") {
  mime::PartHeaders headers;
  headers.scan("Subject: x\r\n\r");
  CHECK_FALSE(headers.over());
  headers.scan("\n");
  CHECK(headers.over());
  mime::PartHeaders parts;
  parts.scan(mixed + "--b\r\n\r\n");
  CHECK_FALSE(parts.over());
  parts.scan("x\r\n--b--\r\n");
  CHECK(parts.over());
}

TEST_CASE("parts nested deeper than is kept are still looked at", "[SMTP-24]") {
  std::string deep, end;
  for (int level = 0; level < 100; ++level) {
    const auto boundary = "level-" + std::to_string(level) + "-";
    deep += "Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n--" + boundary + "\r\n";
  }
  CHECK(scan(deep + "Subject: \xc3\xa9\r\n", 11));
  CHECK_FALSE(scan(deep + "Subject: x\r\n\r\n\xc3\xa9\r\n", 11));
}

TEST_CASE("in random trees of parts the one octet is seen where it is in a header", "[SMTP-24]") {
  for (unsigned seed = 0; seed < 400; ++seed) {
    const Tree tree(seed);
    CAPTURE(seed, tree.text);
    Random random{std::mt19937(seed)};
    REQUIRE_FALSE(scan(tree.text, 1 + random.below(40)));
    for (const bool header : {true, false}) {
      for (const auto place : header ? tree.in_header : tree.in_body) {
        auto text = tree.text;
        text.insert(place, "\xe9");
        CAPTURE(header, place);
        REQUIRE(scan(text, 1 + random.below(40)) == header);
      }
    }
  }
}
