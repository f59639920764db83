// TXT sets, one record a line: a record that is accepted is exactly what the grammar allows, judged by an automaton of
// its own; no text of the record reaches the reason unescaped.
// covers: STS-03 STS-04 STS-05
#include <algorithm>
#include <cstdint>
#include <vector>

#include "policy/sts/record.hpp"
#include "protocol/base/text.hpp"
#include "tests/fuzz/must.hpp"

namespace {

bool alphanumeric(char c) {
  return base::is_letter(c) || base::is_digit(c);
}

/// The grammar of RFC 8461 §3.1 read octet by octet. True when well-formed; `id` is the first one.
bool reference(std::string_view txt, std::string& id) {
  std::size_t at = 0;
  const auto blanks = [&] {
    while (at < txt.size() && (txt[at] == ' ' || txt[at] == '\t')) ++at;
  };
  if (txt.substr(0, 7) != "v=STSv1") return false;
  at = 7;
  blanks();
  if (at >= txt.size() || txt[at] != ';') return false;
  bool found = false;
  while (at < txt.size()) {
    ++at;  // the semicolon
    blanks();
    if (at == txt.size()) break;
    std::string name, value;
    while (at < txt.size() && (alphanumeric(txt[at]) || txt[at] == '_' || txt[at] == '-' || txt[at] == '.'))
      name += txt[at++];
    if (name.empty() || name.size() > 32 || !alphanumeric(name[0])) return false;
    if (at == txt.size() || txt[at++] != '=') return false;
    while (at < txt.size() && txt[at] > ' ' && txt[at] < 0x7f && txt[at] != ';' && txt[at] != '=') value += txt[at++];
    if (value.empty()) return false;
    if (name == "id" && !found) {
      if (value.size() > 32 || !std::all_of(value.begin(), value.end(), alphanumeric)) return false;
      found = true;
      id = value;
    }
    blanks();
    if (at < txt.size() && txt[at] != ';') return false;
  }
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view octets(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> set;
  while (!octets.empty()) {
    const auto end = std::min(octets.find('\n'), octets.size());
    set.emplace_back(octets.substr(0, end));
    octets.remove_prefix(std::min(end + 1, octets.size()));
  }
  std::size_t counting = 0, well_formed = 0;
  std::string only;
  for (const auto& txt : set) {
    std::string id;
    const bool good = reference(txt, id);
    const auto record = policy::sts::parse_record(txt);
    MUST(record.has_value() == good);
    MUST(!good || policy::sts::counts(txt));
    MUST(!good || record->id == id);
    counting += policy::sts::counts(txt);
    well_formed += good;
    if (good) only = id;
    if (record.has_error()) {
      const auto& what = record.error().what;
      MUST(!what.empty() && what.size() < 200 && std::all_of(what.begin(), what.end(), base::is_printable));
      MUST(record.error().offset <= txt.size());
    }
  }
  const auto published = policy::sts::published(set);
  MUST(published.record.has_value() == (counting == 1 && well_formed == 1));
  MUST(!published.record || published.record->id == only);
  MUST(published.why_not.empty() == (published.record.has_value() || counting == 0));
  return 0;
}
