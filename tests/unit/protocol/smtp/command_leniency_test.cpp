// What old firmware writes for commands: refused unless allowed, each part by itself, and what is allowed reads as the
// strict form does.
#include <catch2/catch.hpp>

#include "protocol/smtp/command.hpp"

using namespace smtp;

namespace {

/// "path|first parameter that counts" of the line, or the code.
std::string outcome(const std::string& line, const Leniency& allowed, Leniency& used) {
  const auto command = parse_command(line, {.auth = true}, allowed, used);
  if (const auto* mail = std::get_if<Mail>(&command))
    return mail->reverse_path.address + "|" + (mail->size ? std::to_string(*mail->size) : "");
  if (const auto* rcpt = std::get_if<Rcpt>(&command)) return rcpt->forward_path.address + "|";
  if (const auto* hello = std::get_if<command::Hello>(&command)) return "hello " + hello->name;
  if (const auto* reply = std::get_if<Reply>(&command)) return std::to_string(reply->code) + " " + reply->enhanced;
  return "other";
}

const Leniency all{true, true, true, true, true, true, true};

}  // namespace

TEST_CASE("paths of old firmware are read where that is allowed", "[SMTP-54][E-2]") {
  struct Row {
    std::string line;
    const char* path;
    Leniency needed;
  };
  const Leniency blanks{.blanks_in_paths = true}, bare{.paths_without_brackets = true};
  const Leniency both{.blanks_in_paths = true, .paths_without_brackets = true};
  const Row rows[] = {
      {"MAIL FROM:<a@b.test>", "a@b.test|", {}},
      {"MAIL FROM: <a@b.test>", "a@b.test|", {}},
      {"MAIL FROM:  <a@b.test>", "a@b.test|", blanks},
      {"MAIL FROM:\t<a@b.test>", "a@b.test|", blanks},
      {"MAIL FROM:< a@b.test >", "a@b.test|", blanks},
      {"MAIL FROM: < a@b.test>", "a@b.test|", blanks},
      {"MAIL FROM : <a@b.test>", "a@b.test|", blanks},
      {"mail from : <a@b.test> SIZE=7", "a@b.test|7", blanks},
      {"MAIL FROM:<a@b.test > SIZE=7", "a@b.test|7", blanks},
      {"MAIL FROM:< >", "|", blanks},
      {"MAIL FROM:  <>", "|", blanks},
      {"MAIL FROM:< \"a b>\"@b.test >", "\"a b>\"@b.test|", blanks},
      {"MAIL FROM:< \"a\\\" >\"@b.test >", "\"a\\\" >\"@b.test|", blanks},
      {"MAIL FROM:a@b.test", "a@b.test|", bare},
      {"MAIL FROM: a@b.test SIZE=7", "a@b.test|7", bare},
      {"MAIL FROM:\"a b\"@b.test", "\"a b\"@b.test|", bare},
      {"MAIL FROM:   a@b.test", "a@b.test|", both},
      {"MAIL FROM : a@b.test", "a@b.test|", both},
      {"RCPT TO:< c@b.test >", "c@b.test|", blanks},
      {"RCPT TO : <c@b.test>", "c@b.test|", blanks},
      {"RCPT TO:c@b.test", "c@b.test|", bare},
      {"RCPT TO: postmaster", "postmaster|", bare},
  };
  for (const Row& row : rows) {
    Leniency used;
    CAPTURE(row.line);
    CHECK(outcome(row.line, all, used) == row.path);
    CHECK(used == row.needed);
    used = {};
    CHECK(outcome(row.line, row.needed, used) == row.path);
    CHECK(used == row.needed);
    for (const auto& part : leniencies) {
      if (!(row.needed.*part.member)) continue;
      auto without = all;
      without.*part.member = false;
      used = {};
      CHECK(outcome(row.line, without, used).starts_with("501 5."));
      CHECK(used == Leniency{});
    }
  }
}

TEST_CASE("what is no path stays none with everything allowed", "[SMTP-54]") {
  for (const std::string line : {"MAIL",
                                 "MAIL FROM",
                                 "MAIL FROM:",
                                 "MAIL FROM: ",
                                 "MAIL FROM<a@b.test>",
                                 "MAIL FROM a@b.test",
                                 "MAIL FROM:a",
                                 "MAIL FROM:a@b.test>",
                                 "MAIL FROM:<a@b.test",
                                 "MAIL FROM:<a @b.test>",
                                 "MAIL FROM:<a@ b.test>",
                                 "MAIL FROM:<<a@b.test>>",
                                 "MAIL FROM:<a@b.test> >",
                                 "MAIL FROM:< a@b.test >SIZE=1",
                                 "MAIL FROM:\"a@b.test",
                                 "MAIL FROM:< \"a>@b.test",
                                 "MAIL FROM:a b@b.test",
                                 "MAIL FROM:SIZE=7",
                                 "MAIL FROM::a@b.test",
                                 "MAIL FROM: : <a@b.test>",
                                 "MAIL FROM:<a@b.test\t\t>x",
                                 "RCPT TO:",
                                 "RCPT TO:<>",
                                 "RCPT TO:< >",
                                 "RCPT TO:b",
                                 "RCPT TO:<postmaster@>",
                                 "RCPT FROM : <a@b.test>"}) {
    Leniency used;
    CAPTURE(line);
    CHECK(outcome(line, all, used).starts_with("501 5."));
    CHECK(used == Leniency{});
  }
  // Nor are line ends loosened.
  Leniency used;
  CHECK(outcome("MAIL FROM:< a@b.test >\nRCPT TO:<c@b.test>", all, used) == "500 5.5.2");
  CHECK(outcome(std::string("MAIL FROM:a@b.test\0", 19), all, used) == "500 5.5.2");
}

TEST_CASE("EHLO without a name is taken where that is allowed", "[SMTP-64][E-1]") {
  for (const std::string line : {"HELO", "EHLO", "HELO ", "EHLO \t "}) {
    Leniency used;
    CHECK(outcome(line, {}, used) == "501 5.5.4");
    CHECK(outcome(line, all, used) == "hello ");
    CHECK(used == Leniency{.helo_names = true});
    auto without = all;
    without.helo_names = false;
    CHECK(outcome(line, without, used) == "501 5.5.4");
  }
  for (const std::string name : {"my_device", "192.0.2.1", "[192.0.2.1]", "Kyocera TASKalfa 3050ci"}) {
    Leniency used;
    CHECK(outcome("EHLO " + name + "  ", {}, used) == "hello " + name);
    CHECK(used == Leniency{});
  }
  Leniency used;
  CHECK(outcome("LHLO", all, used) == "501 5.5.4");
}

TEST_CASE("every leniency has a name of its own") {
  Leniency each;
  for (const auto& part : leniencies) {
    CHECK_FALSE(each.*part.member);
    each.*part.member = true;
    for (const auto& other : leniencies) CHECK((other.name == part.name) == (other.member == part.member));
  }
  CHECK(each == all);
  CHECK(sizeof(Leniency) == leniencies.size());
}
