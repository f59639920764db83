// Which addresses may be dialled: every class, in both families, mapped and not.
#include "proxy/dns/address_filter.hpp"

#include <catch2/catch.hpp>
#include <string>

using proxy::refusal_to_dial;

TEST_CASE("addresses that lead to no stranger are not dialled and allow_loopback frees loopback only", "[STS-68]") {
  struct Row {
    const char* address;
    const char* refusal;
    const char* refusal_with_loopback;
  };
  const char *const loopback = "a loopback address", *const unspecified = "an unspecified address",
                    *const multicast = "a multicast address", *const link_local = "a link-local address";
  const Row rows[] = {
      {"192.0.2.1", "", ""},
      {"10.1.2.3", "", ""},
      {"2001:db8::1", "", ""},
      {"fd00::1", "", ""},
      {"::ffff:192.0.2.1", "", ""},
      {"126.255.255.255", "", ""},
      {"128.0.0.0", "", ""},
      {"127.0.0.1", loopback, ""},
      {"127.0.0.0", loopback, ""},
      {"127.255.255.254", loopback, ""},
      {"::1", loopback, ""},
      {"::ffff:127.0.0.2", loopback, ""},
      {"::ffff:7f00:1", loopback, ""},
      {"0.0.0.0", unspecified, unspecified},
      {"0.1.2.3", unspecified, unspecified},
      {"::", unspecified, unspecified},
      {"::ffff:0.0.0.0", unspecified, unspecified},
      {"223.255.255.255", "", ""},
      {"224.0.0.1", multicast, multicast},
      {"239.255.255.255", multicast, multicast},
      {"ff02::1", multicast, multicast},
      {"::ffff:224.0.0.1", multicast, multicast},
      {"169.253.255.255", "", ""},
      {"169.254.0.1", link_local, link_local},
      {"169.255.0.0", "", ""},
      {"::ffff:169.254.169.254", link_local, link_local},
      {"fe80::1", link_local, link_local},
      {"fe80::1%lo", link_local, link_local},
      {"febf::1", link_local, link_local},
      {"fec0::1", "", ""},
      {"255.255.255.255", "the broadcast address", "the broadcast address"},
      {"", "not an address", "not an address"},
      {"mx.example.net", "not an address", "not an address"},
      {"127.0.0.1:25", "not an address", "not an address"},
      {"127.1", "not an address", "not an address"},
  };
  for (const auto& row : rows) {
    INFO(row.address);
    CHECK(std::string(refusal_to_dial(row.address, false)) == row.refusal);
    CHECK(std::string(refusal_to_dial(row.address, true)) == row.refusal_with_loopback);
  }
}
