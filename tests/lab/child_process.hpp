// A program started by the laboratory: its two outputs as pipes, its end as an event. It dies with the laboratory,
// inherits no socket of it, and never sees a shell.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "tests/lab/watch.hpp"

namespace lab {

class ChildProcess {
 public:
  /// `arguments[0]` is the program's path. Throws std::runtime_error where it cannot be started. `directory`: its
  /// working folder.
  ChildProcess(const std::vector<std::string>& arguments, const std::string& directory, bool with_output = false);
  ~ChildProcess();  ///< kills and reaps it
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  int errors() const { return errors_; }  ///< read end of its standard error
  int output() const { return output_; }  ///< read end of its standard output, -1 unless asked for
  int id() const { return id_; }
  void signal(int number);

  /// Its exit status, or minus the signal that ended it; nullopt while it runs.
  std::optional<int> ended();
  /// Waits for its end; nullopt when `limit` passed first.
  std::optional<int> wait(std::chrono::milliseconds limit);

 private:
  int id_ = -1, handle_ = -1, errors_ = -1, output_ = -1;
  std::optional<int> status_;
};

struct Finished {
  int status = -1;  ///< or minus a signal
  std::string out, err;
};
/// Runs a program to its end. Throws std::runtime_error when it runs longer than `limit`; it is killed then.
Finished run_program(const std::vector<std::string>& arguments, const std::string& directory,
                     std::chrono::milliseconds limit);

}  // namespace lab
