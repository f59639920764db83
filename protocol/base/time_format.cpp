// Times as text, by arithmetic alone: no locale, no time zone database, no clock.
#include "protocol/base/time_format.hpp"

#include "protocol/base/text.hpp"

namespace base {
namespace {

using namespace std::chrono;

struct Parts {
  year_month_day date;
  weekday day_of_week;
  hh_mm_ss<milliseconds> time;
};

Parts parts_of(Time time) {
  const auto whole_days = floor<days>(time);
  return {year_month_day(whole_days), weekday(whole_days), hh_mm_ss(floor<milliseconds>(time - whole_days))};
}

void append_number(std::string& text, long long value, int width) {
  std::string digits = std::to_string(value);
  const auto wanted = static_cast<std::size_t>(width);
  if (digits.size() < wanted) text.append(wanted - digits.size(), '0');
  text += digits;
}

void append_date(std::string& text, const year_month_day& date) {
  append_number(text, static_cast<int>(date.year()), 4);
  text += '-';
  append_number(text, static_cast<unsigned>(date.month()), 2);
  text += '-';
  append_number(text, static_cast<unsigned>(date.day()), 2);
}

void append_time_of_day(std::string& text, const hh_mm_ss<milliseconds>& time) {
  append_number(text, time.hours().count(), 2);
  text += ':';
  append_number(text, time.minutes().count(), 2);
  text += ':';
  append_number(text, time.seconds().count(), 2);
}

}  // namespace

std::string rfc3339(Time time) {
  const Parts parts = parts_of(time);
  std::string text;
  append_date(text, parts.date);
  text += 'T';
  append_time_of_day(text, parts.time);
  return text += 'Z';
}

std::string rfc3339_milliseconds(Time time) {
  const Parts parts = parts_of(time);
  std::string text;
  append_date(text, parts.date);
  text += 'T';
  append_time_of_day(text, parts.time);
  text += '.';
  append_number(text, parts.time.subseconds().count(), 3);
  return text += 'Z';
}

std::string day(Time time) {
  std::string text;
  append_date(text, parts_of(time).date);
  return text;
}

std::string rfc5322(Time time) {
  constexpr std::string_view weekdays = "SunMonTueWedThuFriSat";
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const Parts parts = parts_of(time);
  std::string text(weekdays.substr(parts.day_of_week.c_encoding() * 3, 3));
  text += ", ";
  append_number(text, static_cast<unsigned>(parts.date.day()), 1);
  text += ' ';
  text += months.substr((static_cast<unsigned>(parts.date.month()) - 1) * 3, 3);
  text += ' ';
  append_number(text, static_cast<int>(parts.date.year()), 4);
  text += ' ';
  append_time_of_day(text, parts.time);
  return text += " +0000";
}

std::optional<Time> from_rfc3339(std::string_view text) {
  constexpr std::string_view form = "0000-00-00T00:00:00Z";
  if (text.size() != form.size()) return std::nullopt;
  for (std::size_t i = 0; i < form.size(); ++i) {
    if (form[i] == '0' ? !is_digit(text[i]) : text[i] != form[i]) return std::nullopt;
  }
  const auto number = [&](std::size_t at, std::size_t count) {
    return static_cast<int>(decimal(text.substr(at, count)));
  };
  const year_month_day date(year(number(0, 4)), month(static_cast<unsigned>(number(5, 2))),
                            std::chrono::day(static_cast<unsigned>(number(8, 2))));
  const int hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  // Years that system_clock's nanoseconds cannot hold (1677 to 2262) are not times of ours.
  if (date.year() < year(1678) || date.year() > year(2261)) return std::nullopt;
  return sys_days(date) + hours(hour) + minutes(minute) + seconds(second);
}

}  // namespace base
