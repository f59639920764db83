// How long a client may take over the body of a message, as Postfix's smtpd_min_data_rate does it: it begins with the
// timeout, waiting uses it up, each octet gives some back, and there is never more of it than the timeout. So neither a
// pause nor a slow line ends a message, but a body that comes an octet now and then does. Never counts the time that
// the relay itself or the MX host takes. Reads no clock.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace proxy {

class BodyPatience {
 public:
  using Duration = std::chrono::steady_clock::duration;

  /// `rate`: octets a second that keep it from getting less; at least 1.
  void begin(Duration timeout, unsigned rate) {
    most_ = left_ = timeout;
    rate_ = rate;
  }
  /// What the client may take from now on until its next octets.
  Duration left() const { return left_; }
  void received(Duration waited, std::size_t octets) {
    const std::chrono::duration<double> earned(static_cast<double>(octets) / rate_);
    const auto more = std::min(std::chrono::duration<double>(most_), earned);  // a large read is no overflow
    left_ = std::min(most_, left_ - waited + std::chrono::duration_cast<Duration>(more));
  }

 private:
  Duration most_{}, left_{};
  double rate_ = 1;
};

}  // namespace proxy
