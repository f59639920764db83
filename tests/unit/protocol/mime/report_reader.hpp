// A strict reader of delivery reports, for tests and fuzzing: wire form, header, parts. Shares no code with what writes
// them. What it reads is unstuffed.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace report {

struct Part {
  std::string fields;  ///< with their CRLFs
  std::string body;    ///< without the CRLF that belongs to the boundary
};

struct Report {
  std::string fault;  ///< empty: it is a good one
  std::string header;
  std::vector<Part> parts;
  bool international = false;  ///< in the forms of RFC 6533
};

/// Takes the next line off the text, without its CRLF.
inline std::string_view next_line(std::string_view& text) {
  const auto end = std::min(text.find("\r\n"), text.size());
  const auto line = text.substr(0, end);
  text.remove_prefix(std::min(end + 2, text.size()));
  return line;
}

/// Fields up to the empty line, each with a name or a fold of the one before; false where one is neither.
inline bool take_fields(std::string_view& text, std::string& fields) {
  while (!text.empty()) {
    const auto line = next_line(text);
    if (line.empty()) return true;
    if (line.find_first_not_of(" \t") == line.npos) return false;
    const bool fold = line.front() == ' ' || line.front() == '\t';
    const auto name = line.substr(0, line.find(':'));
    if (fold ? fields.empty() : name.size() == line.size() || name.find_first_of(" \t") != name.npos) return false;
    fields += line;
    fields += "\r\n";
  }
  return false;
}

/// The wire form unstuffed; `fault` says what is not canonical in it.
inline std::string unstuffed(std::string_view wire, std::string& fault) {
  std::string text;
  while (!wire.empty()) {
    const auto end = wire.find('\n');
    if (end == wire.npos || end == 0 || wire[end - 1] != '\r') {
      fault = "a line does not end in CRLF";
      return {};
    }
    auto line = wire.substr(0, end - 1);
    wire.remove_prefix(end + 1);
    if (line.find_first_of(std::string_view("\0\r", 2)) != line.npos) fault = "a NUL or a bare CR";
    if (line.size() > 998) fault = "a line is too long";
    if (line.starts_with('.')) {
      if (!line.starts_with("..")) fault = "a dot is not stuffed";
      line.remove_prefix(1);
    }
    text += line;
    text += "\r\n";
  }
  return text;
}

inline bool ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 128; });
}

inline bool has(std::string_view fields, std::string_view line) {
  return ("\r\n" + std::string(fields)).find("\r\n" + std::string(line) + "\r\n") != std::string::npos;
}

/// RFC 2046 §5.1.1, with nothing before the first boundary or behind the last.
inline Report read(std::string_view wire) {
  Report report;
  const std::string whole = unstuffed(wire, report.fault);
  if (!report.fault.empty()) return report;
  const auto bad = [&report](const char* fault) {
    report.fault = fault;
    return report;
  };
  std::string_view text = whole;
  if (!take_fields(text, report.header)) return bad("the header is malformed");
  const std::string begin = "multipart/report; report-type=delivery-status;\r\n boundary=\"";
  const auto at = report.header.find("\r\nContent-Type: " + begin);
  if (at == std::string::npos) return bad("no multipart/report");
  const auto value = at + 16 + begin.size();
  const auto boundary = report.header.substr(value, report.header.find('"', value) - value);
  if (boundary.empty() || boundary.size() > 70) return bad("the boundary is malformed");
  bool closed = false;
  std::string content;
  bool first = true;
  while (!text.empty()) {
    if (closed) return bad("something stands behind the last boundary");
    const auto line = next_line(text);
    if (!line.starts_with("--" + boundary)) {
      content += line;
      content += "\r\n";
      continue;
    }
    closed = line == "--" + boundary + "--";
    if (!closed && line != "--" + boundary) return bad("a line begins like the boundary");
    if (!first) {
      Part part;
      std::string_view rest = content;
      if (!take_fields(rest, part.fields)) return bad("the fields of a part are malformed");
      if (!rest.ends_with("\r\n")) return bad("a part has no line");
      part.body = rest.substr(0, rest.size() - 2);
      const bool eight_bit = has(part.fields, "Content-Transfer-Encoding: 8bit");
      if (eight_bit == ascii(part.body)) return bad("8bit is declared where it is not or the reverse");
      if (eight_bit && !has(report.header, "Content-Transfer-Encoding: 8bit")) return bad("the whole hides its 8bit");
      report.parts.push_back(std::move(part));
    } else if (!content.empty()) {
      return bad("something stands before the first boundary");
    }
    first = false;
    content.clear();
  }
  if (!closed) return bad("the last boundary is missing");
  if (report.parts.size() < 2 || report.parts.size() > 3) return bad("not two or three parts");
  const std::string eight_bit = "Content-Transfer-Encoding: 8bit\r\n";
  const auto fields_are = [&](std::size_t part, const std::string& fields) {
    const bool is_ascii = ascii(report.parts[part].body);
    return report.parts[part].fields == fields + (is_ascii ? "" : eight_bit);
  };
  report.international = fields_are(1, "Content-Type: message/global-delivery-status\r\n");
  if (!fields_are(
          0, "Content-Type: text/plain; charset=" + std::string(report.international ? "utf-8" : "us-ascii") + "\r\n"))
    return bad("no words first");
  if (!report.international) {
    if (!ascii(report.header)) return bad("the header is not ASCII");
    if (!ascii(report.parts[0].body) || !ascii(report.parts[1].body)) return bad("words or fields are not ASCII");
    if (!fields_are(1, "Content-Type: message/delivery-status\r\n")) return bad("no status second");
    if (report.parts.size() > 2 && report.parts[2].fields.find("message/global") != std::string::npos)
      return bad("an international form in an ASCII one");
  }
  std::string_view status = report.parts[1].body;
  while (!status.empty()) {
    std::string fields;
    const bool last = status.find("\r\n\r\n") == status.npos;
    std::string group(status.substr(0, last ? status.size() : status.find("\r\n\r\n") + 4));
    status.remove_prefix(group.size());
    if (last) group += "\r\n";
    std::string_view rest = group;
    if (!take_fields(rest, fields)) return bad("the fields of the status are malformed");
  }
  return report;
}

/// RFC 2045 §6.7, of what a strict writer writes.
inline std::string decoded_quoted_printable(std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      out += text[i];
    } else if (text.substr(i + 1).starts_with("\r\n")) {
      i += 2;
    } else {
      out += static_cast<char>(hex.find(text[i + 1]) << 4 | hex.find(text[i + 2]));
      i += 2;
    }
  }
  return out;
}

}  // namespace report
