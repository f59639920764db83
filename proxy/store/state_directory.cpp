// The directory, its mode and its lock file.
#include "proxy/store/state_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "protocol/base/text.hpp"

namespace proxy {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what, int error) {
  throw StateError("state directory " + path + ": " + what + ": " + std::strerror(error));
}

void make_directory(const std::string& path) {
  std::error_code error;
  const auto parent = std::filesystem::path(path).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  if (error) fail(path, "cannot make its parent", error.value());
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return;
  fail(path, "cannot be made", errno);
}

std::string holder(int lock) {
  char text[32];
  const ssize_t size = pread(lock, text, sizeof text, 0);
  if (size <= 0) return {};
  const auto number = base::decimal(base::trim(std::string_view(text, static_cast<std::size_t>(size))), 10);
  return number > 0 ? " (process " + std::to_string(number) + ")" : std::string();
}

}  // namespace

StateDirectory StateDirectory::open(const std::string& given) {
  std::string path = given;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  make_directory(path);
  const std::string file = path + "/sts-relay.lock";
  const int lock = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock < 0) fail(path, "cannot open " + file, errno);
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    const std::string who = holder(lock);
    close(lock);
    if (error == EWOULDBLOCK) throw StateInUse("state directory " + path + " is in use by another sts-relay" + who);
    fail(path, "cannot lock " + file, error);
  }
  // For people only: the lock is what counts, so a number that cannot be written does no harm.
  const std::string number = std::to_string(getpid()) + "\n";
  if (ftruncate(lock, 0) != 0 || pwrite(lock, number.data(), number.size(), 0) < 0) errno = 0;
  return StateDirectory(std::move(path), lock);
}

StateDirectory::StateDirectory(StateDirectory&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

StateDirectory::~StateDirectory() {
  if (lock_ >= 0) close(lock_);
}

std::string database_file(const std::string& state_dir) {
  return state_dir + "/sts-relay.db";
}

}  // namespace proxy
