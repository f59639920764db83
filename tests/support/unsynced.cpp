// An undo log below SQLite. Everything happens under one lock, for a cut must find no change half noted.
#include "tests/support/unsynced.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace test {
namespace {

constexpr std::size_t sector = 512;

off_t size_of(sqlite3_file* file) {
  sqlite3_int64 size = 0;
  return file->pMethods->xFileSize(file, &size) == SQLITE_OK ? size : 0;
}

/// What stands at the offset; shorter where the file ends.
std::string octets_at(sqlite3_file* file, off_t offset, off_t count) {
  const off_t there = std::clamp<off_t>(size_of(file) - offset, 0, count);
  std::string octets(static_cast<std::size_t>(there), '\0');
  if (there > 0) file->pMethods->xRead(file, octets.data(), static_cast<int>(there), offset);
  return octets;
}

void put(int file, std::string_view octets, off_t offset) {
  if (::pwrite(file, octets.data(), octets.size(), offset) != static_cast<ssize_t>(octets.size())) std::abort();
}
void resize(int file, off_t size) {
  if (::ftruncate(file, size) != 0) std::abort();
}

}  // namespace

int Unsynced::write(sqlite3_file* file, const std::string& path, const void* data, int size, sqlite3_int64 offset) {
  const std::lock_guard lock(mutex_);
  Change change{.offset = offset,
                .before = octets_at(file, offset, size),
                .after = std::string(static_cast<const char*>(data), static_cast<std::size_t>(size)),
                .size_before = size_of(file),
                .size_after = 0};
  change.size_after = std::max<off_t>(change.size_before, offset + size);
  const int code = VfsShim::write(file, path, data, size, offset);
  changes_[path].push_back(std::move(change));
  return code;
}

int Unsynced::truncate(sqlite3_file* file, const std::string& path, sqlite3_int64 size) {
  const std::lock_guard lock(mutex_);
  const off_t before = size_of(file);
  Change change{.offset = size,
                .before = octets_at(file, size, std::max<off_t>(before - size, 0)),
                .after = {},
                .size_before = before,
                .size_after = size};
  const int code = VfsShim::truncate(file, path, size);
  changes_[path].push_back(std::move(change));
  return code;
}

int Unsynced::sync(sqlite3_file* file, const std::string& path, int flags) {
  const std::lock_guard lock(mutex_);
  const int code = VfsShim::sync(file, path, flags);
  if (code == SQLITE_OK) changes_.erase(path);
  return code;
}

int Unsynced::remove(const std::string& path, int sync_directory) {
  const std::lock_guard lock(mutex_);
  changes_.erase(path);
  return VfsShim::remove(path, sync_directory);
}

void Unsynced::synced(int descriptor) {
  const std::lock_guard lock(mutex_);
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return;
  synced_.emplace(status.st_dev, status.st_ino);
  if (!S_ISDIR(status.st_mode)) return;
  std::erase_if(unsure_, [&](const std::string& path) {
    struct stat folder {};
    return ::stat(path.substr(0, path.rfind('/')).c_str(), &folder) == 0 && folder.st_ino == status.st_ino;
  });
}

void Unsynced::named(const std::string& path) {
  const std::lock_guard lock(mutex_);
  named_.push_back(path);
  unsure_.push_back(path);
}

void Unsynced::lose(unsigned seed) {
  mutex_.lock();  // and never unlocked
  std::mt19937 random(seed);
  for (const auto& [path, changes] : changes_) lose_changes(path, changes, random);
  lose_files(random);
}

void Unsynced::lose_changes(const std::string& path, const std::vector<Change>& changes, std::mt19937& random) const {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
    put(file, change->before, change->offset);
    resize(file, change->size_before);
  }
  const auto lost_of_ten = random() % 11;  // all, none, or some
  for (const auto& change : changes) {
    if (random() % 10 < lost_of_ten) continue;
    if (change.size_after < change.size_before) {
      resize(file, change.size_after);
      continue;
    }
    const auto sectors = change.after.size() / sector;
    const bool torn = random() % 4 == 0 && sectors > 0;
    put(file, std::string_view(change.after).substr(0, torn ? random() % sectors * sector : std::string::npos),
        change.offset);
  }
  ::close(file);
}

void Unsynced::lose_files(std::mt19937& random) const {
  for (const auto& path : unsure_) {
    if (random() % 2 == 0) ::unlink(path.c_str());
  }
  for (const auto& path : named_) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || synced_.contains({status.st_dev, status.st_ino})) continue;
    if (::truncate(path.c_str(), 0) != 0) std::abort();
  }
}

}  // namespace test
