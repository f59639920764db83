// Reads trust anchors. A file that is damaged is refused as a whole: half a store would turn into deferrals that nobody
// understands.
#include "proxy/tls/trust_anchors.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "protocol/base/text.hpp"

namespace proxy {
namespace {

struct FileClose {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

[[noreturn]] void refuse(const std::string& file, const std::string& found) {
  throw std::runtime_error("trust anchors: " + base::printable(file, 200) + ": " + found +
                           ", expected a file of PEM certificates");
}

/// Adds all certificates of a file, and says how many there were.
std::size_t add_file(X509_STORE* store, const std::string& path) {
  const std::unique_ptr<std::FILE, FileClose> file(std::fopen(path.c_str(), "re"));
  if (!file) refuse(path, std::strerror(errno));
  ERR_clear_error();
  for (std::size_t count = 0;; ++count) {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        PEM_read_X509_AUX(file.get(), nullptr, nullptr, nullptr), X509_free);
    if (!certificate) {
      const auto error = ERR_peek_last_error();
      ERR_clear_error();
      const bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
      if (!at_end || std::ferror(file.get()) != 0) {
        refuse(path, "certificate " + std::to_string(count + 1) + " cannot be read");
      }
      return count;
    }
    if (X509_STORE_add_cert(store, certificate.get()) != 1) {
      refuse(path, "certificate " + std::to_string(count + 1) + " was not taken");
    }
  }
}

/// The names that OpenSSL itself looks for in a directory of certificates: eight hexadecimal digits, a dot, a number.
bool is_hashed_name(std::string_view name) {
  return name.size() >= 10 && name[8] == '.' && name.find_first_not_of("0123456789abcdef") == 8 &&
         name.find_first_not_of("0123456789", 9) == std::string_view::npos;
}

std::string from_environment(const char* variable, const char* otherwise) {
  const char* value = std::getenv(variable);
  return value != nullptr ? value : otherwise;
}

void add_system(X509_STORE* store) {
  namespace fs = std::filesystem;
  const std::string file = from_environment(X509_get_default_cert_file_env(), X509_get_default_cert_file());
  const std::string directory = from_environment(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
  std::error_code error;
  std::size_t count = 0;
  if (fs::is_regular_file(file, error)) count += add_file(store, file);
  for (auto entry = fs::directory_iterator(directory, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    std::error_code gone;  // a link to nowhere is left over from a certificate that was removed
    if (is_hashed_name(entry->path().filename().string()) && fs::is_regular_file(entry->path(), gone)) {
      count += add_file(store, entry->path().string());
    }
  }
  if (count == 0) {
    throw std::runtime_error("trust anchors: neither " + file + " nor " + directory +
                             " holds a certificate; install the package ca-certificates or set trust_anchors");
  }
}

}  // namespace

StorePtr load_trust_anchors(const std::string& file) {
  StorePtr store(X509_STORE_new());
  if (!store) throw std::runtime_error("trust anchors: no memory");
  if (file.empty()) {
    add_system(store.get());
  } else if (add_file(store.get(), file) == 0) {
    refuse(file, "no certificate in it");
  }
  return store;
}

}  // namespace proxy
