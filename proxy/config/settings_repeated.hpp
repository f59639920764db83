// The settings of the tables that may stand more than once, and the checks within one of them.
#pragma once

#include <span>

#include "proxy/config/settings.hpp"

namespace proxy {

std::span<const Setting> listener_settings();
std::span<const Setting> destination_settings();

/// may | encrypt | verify
void take_floor(Draft& draft, const DocumentValue& value, policy::Security& into);

}  // namespace proxy
