// As many as there are places pass, the others in their order, and whoever is inside may outlive the gate.
#include "proxy/sts/gate.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

namespace {

struct Visitors {
  boost::asio::io_context io{1};
  std::vector<int> came;
  std::vector<std::shared_ptr<boost::asio::steady_timer>> inside;

  void visit(proxy::Gate& gate, int number) { proxy::spawn(io.get_executor(), stay(gate, number), "visit"); }
  void settle() {
    io.restart();
    io.poll();
  }

 private:
  proxy::awaitable<void> stay(proxy::Gate& gate, int number) {
    const auto passage = co_await gate.enter();
    came.push_back(number);
    auto leaves = std::make_shared<boost::asio::steady_timer>(io, boost::asio::steady_timer::time_point::max());
    inside.push_back(leaves);
    boost::system::error_code ignored;
    co_await leaves->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
  }
};

}  // namespace

TEST_CASE("a gate lets as many through as it has places and the others in their order", "[STS-30]") {
  Visitors visitors;
  proxy::Gate gate(visitors.io.get_executor(), 2);
  for (int number = 1; number <= 4; ++number) visitors.visit(gate, number);
  visitors.settle();
  CHECK(visitors.came == std::vector<int>{1, 2});
  visitors.inside[1]->cancel();
  visitors.settle();
  CHECK(visitors.came == std::vector<int>{1, 2, 3});
  visitors.inside[0]->cancel();
  visitors.inside[2]->cancel();
  visitors.settle();
  CHECK(visitors.came == std::vector<int>{1, 2, 3, 4});
  visitors.inside[3]->cancel();
  visitors.settle();
  visitors.visit(gate, 5);
  visitors.settle();
  CHECK(visitors.came.back() == 5);
}

TEST_CASE("a gate may go before those who passed it and those who wait", "[STS-30]") {
  Visitors visitors;
  {
    auto gate = std::make_unique<proxy::Gate>(visitors.io.get_executor(), 1);
    visitors.visit(*gate, 1);
    visitors.visit(*gate, 2);
    visitors.settle();
  }
  CHECK(visitors.came == std::vector<int>{1});
  visitors.inside.clear();  // the io_context unwinds the first; a sanitizer sees what it touches
}
