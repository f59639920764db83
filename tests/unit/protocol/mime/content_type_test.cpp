// Content-Type as senders write it: what names a type and a boundary, and what readers could differ about.
#include "protocol/mime/content_type.hpp"

#include <catch2/catch.hpp>

TEST_CASE("a content type names its type and its boundary", "[SMTP-24]") {
  struct Row {
    const char* value;
    const char* type;
    const char* subtype;
    const char* boundary;
    bool unclear;
  };
  const Row rows[] = {
      {" text/plain", "text", "plain", "", false},
      {" Multipart/Mixed; Boundary=a.b", "multipart", "mixed", "a.b", false},
      {" multipart/mixed; charset=\"x; boundary=no\"; boundary=\"=_a b \"", "multipart", "mixed", "=_a b", false},
      {" (c (d\\)) e) multipart / (f) mixed (g);\t boundary = (h) \"x\\\"y\" (i);", "multipart", "mixed", "x\"y",
       false},
      // What no token may hold, unquoted by old software.
      {"multipart/mixed; boundary=--=_x/y:?@", "multipart", "mixed", "--=_x/y:?@", false},
      {"multipart/mixed;boundary=a;boundary=a", "multipart", "mixed", "a", false},
      {"multipart/mixed;boundary=a;boundary=b", "multipart", "mixed", "b", true},
      {"multipart/mixed;boundary*0=a;boundary*1=b", "multipart", "mixed", "", true},
      {"multipart/mixed;boundary*=us-ascii''a", "multipart", "mixed", "", true},
      {"multipart/mixed;boundary=\"a", "multipart", "mixed", "", true},
      {"multipart/mixed boundary=a", "multipart", "mixed", "", true},
      {"multipart/mixed;boundary", "multipart", "mixed", "", true},
      {"multipart/mixed; (boundary=a", "multipart", "mixed", "", true},
      {"multipart/mixed; boundary=a; (x", "multipart", "mixed", "a", true},
      {"multipart", "", "", "", true},
      {"/mixed", "", "", "", true},
      {"", "", "", "", true},
      {"(", "", "", "", true},
  };
  for (const Row& row : rows) {
    INFO(row.value);
    const auto got = mime::parse_content_type(row.value);
    CHECK(got.type == row.type);
    CHECK(got.subtype == row.subtype);
    CHECK(got.boundary == row.boundary);
    CHECK(got.unclear == row.unclear);
  }
  const auto longest = mime::parse_content_type("multipart/mixed; boundary=" + std::string(200, 'b'));
  CHECK(longest.boundary.size() == 200);
  CHECK_FALSE(longest.unclear);
  const auto longer = mime::parse_content_type("multipart/mixed; boundary=" + std::string(201, 'b'));
  CHECK(longer.boundary.empty());
  CHECK(longer.unclear);
}
