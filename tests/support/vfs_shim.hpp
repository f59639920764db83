// An SQLite VFS over the default one, for tests that want to see or to spoil what SQLite does with its files. It
// becomes the default VFS as long as it lives; connections must be gone before it goes. Not for production code.
#pragma once

#include <sqlite3.h>

#include <string>

namespace test {

class VfsShim {
 public:
  /// `name` must not be that of another VFS.
  explicit VfsShim(const char* name);
  virtual ~VfsShim();
  VfsShim(const VfsShim&) = delete;
  VfsShim& operator=(const VfsShim&) = delete;

  // Each does what it says with the default VFS's file; what a test overrides may do something else instead. They are
  // called on any thread.
  virtual int write(sqlite3_file* file, const std::string& path, const void* data, int size, sqlite3_int64 offset);
  virtual int truncate(sqlite3_file* file, const std::string& path, sqlite3_int64 size);
  virtual int sync(sqlite3_file* file, const std::string& path, int flags);
  virtual int remove(const std::string& path, int sync_directory);

  sqlite3_vfs* real() const { return real_; }

 private:
  sqlite3_vfs* real_;
  sqlite3_vfs shim_;
};

}  // namespace test
