// The MTA-STS record: which TXT records count, which of those are well-formed, and what a set of them means.
#include "policy/sts/record.hpp"

#include <catch2/catch.hpp>
#include <vector>

namespace sts = policy::sts;

namespace {

struct Case {
  std::string txt;
  std::string id;  ///< empty: malformed
};

void check(const std::vector<Case>& cases) {
  for (const auto& [txt, id] : cases) {
    CAPTURE(txt);
    const auto record = sts::parse_record(txt);
    CHECK(record.has_value() == !id.empty());
    if (record.has_value()) {
      CHECK(record->id == id);
    } else {
      CHECK_FALSE(record.error().what.empty());
      CHECK(record.error().offset <= txt.size());
    }
  }
}

const std::string good = "v=STSv1; id=20260101;";

}  // namespace

TEST_CASE("a TXT record counts only if it begins with the version and a semicolon", "[STS-03]") {
  for (const auto* txt :
       {"v=STSv1;", "v=STSv1;id=1", "v=STSv1 ; id=1", "v=STSv1\t;\tid=1", "v=STSv1; id=;", "v=STSv1;;"})
    CHECK(sts::counts(txt));
  for (const auto* txt : {"", "v=STSv1", "v=STSv10;", "v=STSv2; id=1", "V=STSv1; id=1", "v=stsv1; id=1",
                          " v=STSv1; id=1", "\tv=STSv1;", "\"v=STSv1\"; id=1", "v =STSv1; id=1", "v= STSv1; id=1",
                          "id=1; v=STSv1;", "v=STSv1, id=1", "v=STSv1 id=1;", "v=spf1 -all"}) {
    CAPTURE(txt);
    CHECK_FALSE(sts::counts(txt));
    CHECK_FALSE(sts::parse_record(txt).has_value());
  }
}

TEST_CASE("a record id has 1 to 32 letters and digits", "[STS-04]") {
  const std::string id32(32, 'a');
  check({
      {"v=STSv1; id=A", "A"},
      {"v=STSv1; id=20160831085700Z;", "20160831085700Z"},
      {"v=STSv1; id=" + id32 + ";", id32},
      {"v=STSv1; id=" + id32 + "b;", ""},
      {"v=STSv1; id=;", ""},
      {"v=STSv1; id=2026-01-01;", ""},
      {"v=STSv1; id=2026_01;", ""},
      {"v=STSv1; id=2026 01;", ""},
      {"v=STSv1; id=caf\xc3\xa9;", ""},
      {"v=STSv1; id=\"1\";", ""},
      {"v=STSv1; ID=1;", ""},
      {"v=STSv1; Id=1;", ""},
      {"v=STSv1;", ""},
      {"v=STSv1; ext=1;", ""},
  });
}

TEST_CASE("record ids keep their case", "[STS-04]") {
  CHECK(sts::parse_record("v=STSv1; id=aB")->id == "aB");
  CHECK(sts::parse_record("v=STSv1; id=aB")->id != sts::parse_record("v=STSv1; id=AB")->id);
}

TEST_CASE("record fields come in any order with blanks around and unknown ones are ignored", "[STS-05]") {
  const std::string name32 = "n" + std::string(31, '_');
  check({
      {"v=STSv1;id=1", "1"},
      {"v=STSv1 \t; \t id=1 \t ; \t ", "1"},
      {"v=STSv1; id=1 ;", "1"},
      {"v=STSv1; a=b; id=1; c=d", "1"},
      {"v=STSv1; 9a.b-c_d=!#$%&'()*+,-./:<>?@[]^_`{|}~; id=1", "1"},
      {"v=STSv1; " + name32 + "=x; id=1", "1"},
      {"v=STSv1; id=1; id=2", "1"},
      {"v=STSv1; id=1; id=not-an-id", "1"},
      {"v=STSv1; v=STSv1; id=1", "1"},
  });
}

TEST_CASE("an empty record field or one of another form spoils the record", "[STS-05]") {
  const std::string name33 = "n" + std::string(32, '_');
  check({
      {"v=STSv1;; id=1;", ""},
      {"v=STSv1; id=1;;", ""},
      {"v=STSv1; ; id=1", ""},
      {"v=STSv1; id=1; ;", ""},
      {"v=STSv1; id=1; ext;", ""},
      {"v=STSv1; id=1; ext=;", ""},
      {"v=STSv1; id=1; =x;", ""},
      {"v=STSv1; id=1; ext=a b;", ""},
      {"v=STSv1; id=1; ext=a\tb;", ""},
      {"v=STSv1; id=1; ext=a=b;", ""},
      {"v=STSv1; id=1; ext =a;", ""},
      {"v=STSv1; id=1; ext= a;", ""},
      {"v=STSv1; id=1; _a=b;", ""},
      {"v=STSv1; id=1; -a=b;", ""},
      {"v=STSv1; id=1; a+b=c;", ""},
      {"v=STSv1; id=1; " + name33 + "=x", ""},
      {"v=STSv1; id=1; ext=caf\xc3\xa9", ""},
      {"v=STSv1; id=1; ext=a\x7f", ""},
      {std::string("v=STSv1; id=1; ext=a\0", 21), ""},
      {"v=STSv1; id=1\r\n", ""},
      {"v=STSv1; id =1", ""},
      {"v=STSv1; id= 1", ""},
      {"v=STSv1; id=-; id=1", ""},
      {"v=STSv1; id=1; id=", ""},
  });
}

TEST_CASE("exactly one record that counts and is well-formed is a record", "[STS-03][R-1]") {
  using Set = std::vector<std::string>;
  struct {
    Set txt_set;
    const char* id;
    const char* why_not;
  } const cases[] = {
      {{}, "", ""},
      {{good}, "20260101", ""},
      {{"v=spf1 -all", "google-site-verification=x"}, "", ""},
      {{"v=spf1 -all", good, "google-site-verification=x"}, "20260101", ""},
      {{"v=STSv1; id=1", "v=STSv1; id=2"}, "", "2 records begin with v=STSv1; one must"},
      {{"v=STSv1; id=1", "v=STSv1; id=1"}, "", "2 records begin with v=STSv1; one must"},
      {{good, good, good}, "", "3 records begin with v=STSv1; one must"},
      {{"v=STSv1; id=1", "v=STSv1; id="}, "", "2 records begin with v=STSv1; one must"},
      {{"v=STSv1; id=1", "v=STSv1"}, "1", ""},
      {{"v=STSv1; id=1", "V=STSv1; id=2", "v=STSv10; id=3", " v=STSv1; id=4"}, "1", ""},
      {{"v=STSv1; id=\x1b[2J"},
       "",
       "malformed record `v=STSv1; id=\\x1b[2J`: id must be 1 to 32 letters and digits, not `\\x1b[2J`"},
      {{"v=STSv1"}, "", ""},
  };
  for (const auto& [txt_set, id, why_not] : cases) {
    CAPTURE(txt_set);
    const auto published = sts::published(txt_set);
    CHECK(published.record.has_value() == (*id != '\0'));
    if (published.record) CHECK(published.record->id == id);
    CHECK(published.why_not == why_not);
  }
}
