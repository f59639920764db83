// Who is told what: every NOTIFY against every event.
#include "policy/queue/notice.hpp"

#include <catch2/catch.hpp>

using policy::queue::Event;
using policy::queue::is_due;

TEST_CASE("a report is due as NOTIFY has it", "[SMTP-26][SMTP-29][SMTP-58]") {
  struct Row {
    const char* value;  // empty: no NOTIFY
    bool failed, delayed, relayed;
  };
  const Row rows[] = {
      {"", true, true, false},
      {"NEVER", false, false, false},
      {"SUCCESS", false, false, true},
      {"FAILURE", true, false, false},
      {"DELAY", false, true, false},
      {"SUCCESS,FAILURE", true, false, true},
      {"SUCCESS,DELAY", false, true, true},
      {"FAILURE,DELAY", true, true, false},
      {"SUCCESS,FAILURE,DELAY", true, true, true},
  };
  for (const Row& row : rows) {
    INFO(row.value);
    const auto notify = *row.value == '\0' ? smtp::Notify{} : smtp::parse_notify(row.value).value();
    CHECK(is_due(Event::failed, notify, false) == row.failed);
    CHECK(is_due(Event::delayed, notify, false) == row.delayed);
    CHECK(is_due(Event::relayed, notify, false) == row.relayed);
    for (const Event event : {Event::failed, Event::delayed, Event::relayed}) CHECK_FALSE(is_due(event, notify, true));
  }
}
