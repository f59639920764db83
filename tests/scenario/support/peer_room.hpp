// A room for a mail server that cannot be installed beside Postfix, or whose folders are compiled into it: a root
// directory of its own with the package as tests/install unpacked it, the machine's libraries, and its own /etc and
// /var. Mounts are seen by the room's programs alone and end with them; the network is the machine's. Needs root, as
// Postfix does.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/lab/laboratory.hpp"
#include "tests/scenario/support/peer.hpp"

namespace scenario {

class PeerRoom {
 public:
  /// `trusted`: the PEM file of the only authority that the room's programs trust. Names in `hosts` are 127.0.0.1 in
  /// the room; `users` are made there.
  PeerRoom(const std::string& package, const std::string& trusted, const std::vector<std::string>& hosts,
           const std::vector<std::string>& users);

  /// The path outside of a path inside: outside("/etc/x").
  std::string outside(const std::string& path) const { return directory_.path() + path; }
  /// Writes a file inside, with the folders on the way.
  void write(const std::string& path, const std::string& text) const;
  std::string read(const std::string& path) const;  ///< "" where there is none
  /// A folder inside, of this user.
  void folder(const std::string& path, const std::string& user = "root", unsigned permissions = 0755) const;

  /// A program of the room with all that it starts: killed together.
  std::unique_ptr<lab::ChildProcess> start(const std::vector<std::string>& arguments) const;
  /// Runs a program of the room to its end.
  lab::Finished run(const std::vector<std::string>& arguments) const;

 private:
  std::vector<std::string> entering(const std::vector<std::string>& arguments) const;

  OpenDirectory directory_;
  std::vector<std::string> users_;
};

}  // namespace scenario
