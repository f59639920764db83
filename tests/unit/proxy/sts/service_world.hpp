// The MTA-STS service among fakes that do as they are told: what its tests begin with. Each adds how it asks.
#pragma once

#include <boost/asio/io_context.hpp>

#include "tests/support/run_awaitable.hpp"
#include "tests/unit/proxy/sts/fakes.hpp"

namespace test {

struct ServiceWorld {
  boost::asio::io_context io{1};
  FakeClock clock;
  FakeResolver resolver;
  FakeFetcher fetcher;
  FakeStore store;
  proxy::Config::MtaSts options;
  proxy::MtaStsService service{io.get_executor(), resolver, fetcher, store, options, clock.clock()};

  /// What runs in the background is run, too.
  void settle() {
    io.restart();
    io.poll();
  }
};

}  // namespace test
