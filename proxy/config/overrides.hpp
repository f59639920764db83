// Settings that put the administrator's word beside what domains publish: pinned policies, the end of an exemption, the
// preloaded list. Takes them from their files; decides nothing about their use.
#pragma once

#include "proxy/config/draft.hpp"

namespace proxy {

/// `pin` of a [[destination]]: a policy file as RFC 8461 §3.2 has it.
void take_pin(Draft& draft, const DocumentValue& value);
/// `until` of a [[destination]]: a day, whose end counts, or a time.
void take_until(Draft& draft, const DocumentValue& value);
/// `preload` of [mta_sts]: a folder of policy files named DOMAIN or DOMAIN.txt, or one list.
void take_preload(Draft& draft, const DocumentValue& value);

}  // namespace proxy
