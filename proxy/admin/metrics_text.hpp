// The metrics as Prometheus reads them, in its text format 0.0.4. Every name, its type and its meaning stands here and
// nowhere else; docs/operation.md lists them, and a test compares.
#pragma once

#include <string>
#include <string_view>

#include "proxy/runtime/metrics.hpp"

namespace proxy {

inline constexpr std::string_view metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

/// All of `metrics`, for one scrape. `version`: of the program.
std::string metrics_text(const metrics::Metrics& metrics, std::string_view version);

}  // namespace proxy
