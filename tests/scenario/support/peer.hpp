// Real programs beside the relay: started in a private directory on ports of their own, ended with the object. What is
// not installed makes its test fail, for tests/run installs it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "tests/lab/child_process.hpp"

namespace scenario {

/// A directory that other users may enter, gone afterwards.
class OpenDirectory {
 public:
  OpenDirectory();
  ~OpenDirectory();
  OpenDirectory(const OpenDirectory&) = delete;
  OpenDirectory& operator=(const OpenDirectory&) = delete;
  const std::string& path() const { return path_; }
  std::string write(const std::string& name, const std::string& text) const;  ///< the file's path

 private:
  std::string path_;
};

/// A port of this address that nobody listens on now.
std::uint16_t free_port(const std::string& address = "127.0.0.1");
/// Waits until something accepts connections there; fails the test where nothing does.
void wait_for_listener(const std::string& address, std::uint16_t port);

/// A private Postfix that listens at one address, with these settings over the usual ones, and further lines of
/// master.cf.
class Postfix {
 public:
  Postfix(const std::string& address, std::uint16_t port, const std::map<std::string, std::string>& settings,
          const std::string& more_services = {}, const std::string& sasl = {});
  ~Postfix();
  const std::string& address() const { return address_; }
  std::uint16_t port() const { return port_; }
  std::string log() const;

 private:
  OpenDirectory directory_;
  std::string address_;
  std::uint16_t port_;
  std::unique_ptr<lab::ChildProcess> master_;
};

}  // namespace scenario
