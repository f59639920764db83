// A directory that goes with its owner, for tests.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

namespace test {

struct TemporaryDirectory {
  std::string path;
  explicit TemporaryDirectory(const std::string& name) : path("/tmp/" + name + "-test-XXXXXX") {
    if (::mkdtemp(path.data()) == nullptr) throw std::filesystem::filesystem_error("mkdtemp", {});
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
};

}  // namespace test
