// The tables of functions that SQLite wants, each handing over to the file below.
#include "tests/support/vfs_shim.hpp"

#include <new>

namespace test {
namespace {

/// What SQLite holds of an open file; the default VFS's own part lies behind it.
struct File {
  sqlite3_file base;
  VfsShim* shim;
  std::string* path;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

File* of(sqlite3_file* file) {
  return reinterpret_cast<File*>(file);
}
sqlite3_file* real(sqlite3_file* file) {
  return of(file)->real();
}

int close(sqlite3_file* file) {
  delete of(file)->path;
  return real(file)->pMethods->xClose(real(file));
}
int read(sqlite3_file* file, void* into, int size, sqlite3_int64 offset) {
  return real(file)->pMethods->xRead(real(file), into, size, offset);
}
int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  return of(file)->shim->write(real(file), *of(file)->path, data, size, offset);
}
int truncate(sqlite3_file* file, sqlite3_int64 size) {
  return of(file)->shim->truncate(real(file), *of(file)->path, size);
}
int sync(sqlite3_file* file, int flags) {
  return of(file)->shim->sync(real(file), *of(file)->path, flags);
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real(file)->pMethods->xFileSize(real(file), size);
}
int lock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xLock(real(file), level);
}
int unlock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xUnlock(real(file), level);
}
int check_lock(sqlite3_file* file, int* is_locked) {
  return real(file)->pMethods->xCheckReservedLock(real(file), is_locked);
}
int control(sqlite3_file* file, int operation, void* argument) {
  return real(file)->pMethods->xFileControl(real(file), operation, argument);
}
int sector_size(sqlite3_file* file) {
  return real(file)->pMethods->xSectorSize(real(file));
}
int characteristics(sqlite3_file* file) {
  return real(file)->pMethods->xDeviceCharacteristics(real(file));
}
int shared_map(sqlite3_file* file, int page, int size, int extend, void volatile** memory) {
  return real(file)->pMethods->xShmMap(real(file), page, size, extend, memory);
}
int shared_lock(sqlite3_file* file, int offset, int count, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}
void shared_barrier(sqlite3_file* file) {
  real(file)->pMethods->xShmBarrier(real(file));
}
int shared_unmap(sqlite3_file* file, int and_delete) {
  return real(file)->pMethods->xShmUnmap(real(file), and_delete);
}

constexpr sqlite3_io_methods methods{.iVersion = 2,
                                     .xClose = close,
                                     .xRead = read,
                                     .xWrite = write,
                                     .xTruncate = truncate,
                                     .xSync = sync,
                                     .xFileSize = file_size,
                                     .xLock = lock,
                                     .xUnlock = unlock,
                                     .xCheckReservedLock = check_lock,
                                     .xFileControl = control,
                                     .xSectorSize = sector_size,
                                     .xDeviceCharacteristics = characteristics,
                                     .xShmMap = shared_map,
                                     .xShmLock = shared_lock,
                                     .xShmBarrier = shared_barrier,
                                     .xShmUnmap = shared_unmap,
                                     .xFetch = nullptr,
                                     .xUnfetch = nullptr};

VfsShim* shim_of(sqlite3_vfs* vfs) {
  return static_cast<VfsShim*>(vfs->pAppData);
}

int open(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* file, int flags, int* flags_out) {
  auto* opened = of(file);
  opened->base.pMethods = nullptr;
  auto* below = shim_of(vfs)->real();
  const int code = below->xOpen(below, name, opened->real(), flags, flags_out);
  if (code != SQLITE_OK) return code;
  opened->shim = shim_of(vfs);
  opened->path = new std::string(name == nullptr ? "" : name);
  opened->base.pMethods = &methods;
  return code;
}

int remove(sqlite3_vfs* vfs, const char* name, int sync_directory) {
  return shim_of(vfs)->remove(name, sync_directory);
}

}  // namespace

VfsShim::VfsShim(const char* name) : real_(sqlite3_vfs_find(nullptr)), shim_(*real_) {
  shim_.pNext = nullptr;
  shim_.zName = name;
  shim_.pAppData = this;
  shim_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
  shim_.xOpen = test::open;
  shim_.xDelete = test::remove;
  sqlite3_vfs_register(&shim_, 1);
}

VfsShim::~VfsShim() {
  sqlite3_vfs_unregister(&shim_);
  sqlite3_vfs_register(real_, 1);
}

int VfsShim::write(sqlite3_file* file, const std::string&, const void* data, int size, sqlite3_int64 offset) {
  return file->pMethods->xWrite(file, data, size, offset);
}
int VfsShim::truncate(sqlite3_file* file, const std::string&, sqlite3_int64 size) {
  return file->pMethods->xTruncate(file, size);
}
int VfsShim::sync(sqlite3_file* file, const std::string&, int flags) {
  return file->pMethods->xSync(file, flags);
}
int VfsShim::remove(const std::string& path, int sync_directory) {
  return real_->xDelete(real_, path.c_str(), sync_directory);
}

}  // namespace test
