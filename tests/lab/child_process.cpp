// fork and exec; a pidfd for waiting.
#include "tests/lab/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>

namespace lab {
namespace {

struct Pipe {
  int read = -1, write = -1;
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error(std::string("pipe: ") + std::strerror(errno));
    read = ends[0], write = ends[1];
  }
};

/// In the child: only what may be called between fork and exec of a process with threads.
[[noreturn]] void become(char* const* arguments, const char* directory, int output, int errors, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  std::signal(SIGPIPE, SIG_DFL);
  const int nothing = ::open("/dev/null", O_RDWR);
  ::dup2(nothing, 0);
  ::dup2(output >= 0 ? output : nothing, 1);
  ::dup2(errors, 2);
  ::close_range(3, ~0u, 0);
  if (::chdir(directory) == 0) ::execv(arguments[0], arguments);
  const char* why = std::strerror(errno);
  static_cast<void>(!::write(2, why, std::strlen(why)));
  ::_exit(127);
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& arguments, const std::string& directory, bool with_output) {
  if (::access(arguments.at(0).c_str(), X_OK) != 0)
    throw std::runtime_error("cannot run " + arguments[0] + ": " + std::strerror(errno));
  std::vector<char*> pointers;
  for (const auto& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  const Pipe errors;
  Pipe output;
  if (!with_output) {
    ::close(output.read), ::close(output.write);
    output.read = output.write = -1;
  }
  const pid_t parent = ::getpid();
  id_ = ::fork();
  if (id_ == 0) become(pointers.data(), directory.c_str(), output.write, errors.write, parent);
  ::close(errors.write);
  if (output.write >= 0) ::close(output.write);
  errors_ = errors.read;
  output_ = output.read;
  if (id_ < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
  handle_ = static_cast<int>(::syscall(SYS_pidfd_open, id_, 0));
}

ChildProcess::~ChildProcess() {
  if (!ended()) {
    signal(SIGKILL);
    wait(std::chrono::minutes(1));
  }
  for (const int descriptor : {handle_, errors_, output_})
    if (descriptor >= 0) ::close(descriptor);
}

void ChildProcess::signal(int number) {
  if (!ended()) ::kill(id_, number);
}

std::optional<int> ChildProcess::ended() {
  if (status_) return status_;
  int raw = 0;
  if (::waitpid(id_, &raw, WNOHANG) == id_) status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : -WTERMSIG(raw);
  return status_;
}

std::optional<int> ChildProcess::wait(std::chrono::milliseconds limit) {
  const Deadline end = Clock::now() + limit;
  while (!ended()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return std::nullopt;
    pollfd ending{handle_, POLLIN, 0};
    ::poll(&ending, 1, static_cast<int>(left));
  }
  return status_;
}

Finished run_program(const std::vector<std::string>& arguments, const std::string& directory,
                     std::chrono::milliseconds limit) {
  const Deadline end = Clock::now() + limit;
  ChildProcess program(arguments, directory, true);
  Finished finished;
  pollfd pipes[2] = {{program.output(), POLLIN, 0}, {program.errors(), POLLIN, 0}};
  std::string* texts[2] = {&finished.out, &finished.err};
  while (pipes[0].fd >= 0 || pipes[1].fd >= 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0)
      throw std::runtime_error(arguments[0] + " " + (arguments.size() > 1 ? arguments[1] : "") +
                               " does not end; it said: " + finished.err);
    if (::poll(pipes, 2, static_cast<int>(left)) <= 0) continue;
    for (int i = 0; i < 2; ++i) {
      if (pipes[i].fd < 0 || pipes[i].revents == 0) continue;
      char data[8192];
      const auto got = ::read(pipes[i].fd, data, sizeof data);
      if (got > 0) {
        texts[i]->append(data, static_cast<std::size_t>(got));
      } else {
        pipes[i].fd = -1;
      }
    }
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
  const auto status = program.wait(std::max(left, std::chrono::milliseconds(100)));
  if (!status) throw std::runtime_error(arguments[0] + " does not end");
  finished.status = *status;
  return finished;
}

}  // namespace lab
