// The state directory, held by one `serve` at a time. It is made where it is missing, readable by its owner only.
// Nothing else here knows what lies in it.
#pragma once

#include <stdexcept>
#include <string>

namespace proxy {

/// The directory cannot be made or used.
struct StateError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// Another process holds it: exit 4.
struct StateInUse : StateError {
  using StateError::StateError;
};

class StateDirectory {
 public:
  /// Makes the directory (0700) and takes its lock, which the kernel gives back however the process ends.
  static StateDirectory open(const std::string& path);

  StateDirectory(StateDirectory&& other) noexcept;
  StateDirectory& operator=(StateDirectory&&) = delete;
  StateDirectory(const StateDirectory&) = delete;
  ~StateDirectory();

  const std::string& path() const { return path_; }

 private:
  StateDirectory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::string path_;
  int lock_;
};

/// Where the database of a state directory is.
std::string database_file(const std::string& state_dir);

}  // namespace proxy
