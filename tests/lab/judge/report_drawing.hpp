// The drawing of one attack in the report: the sender, whom it asks, where the message may go and where it must not,
// where the attacker sits, and which way the message went. Boxes of text that grow with their reader's letters, and
// arrows; the style is report_html.cpp's. Never decides anything.
#pragma once

#include <string>

#include "tests/lab/judge/judgement_run.hpp"

namespace lab::judge {

std::string drawing(const Result& result);
/// What the marks mean, drawn in the same way.
std::string legend();
/// What the drawings' style needs besides the page's own.
std::string_view drawing_style();

}  // namespace lab::judge
