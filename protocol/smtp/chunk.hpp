// A whole message as one chunk (RFC 3030). Never for a part of one.
#pragma once

#include <string>
#include <string_view>

namespace smtp {

/// `BDAT n LAST` and its octets: `front` as it is, then `wire`, which is stuffed and canonical, without the stuffing.
std::string last_chunk(std::string_view front, std::string_view wire);

}  // namespace smtp
