// The users file through the TOML tree of proxy/config, the passwords through libcrypt.
#include "proxy/config/users.hpp"

#include <crypt.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <memory>

#include "protocol/base/text.hpp"
#include "protocol/smtp/authenticate.hpp"
#include "proxy/config/document.hpp"

namespace proxy {
namespace {

constexpr std::size_t greatest_file = 16u << 20;

/// What libcrypt works in; it holds the password and what comes of it.
struct Scratch {
  crypt_data data{};
  ~Scratch() { OPENSSL_cleanse(&data, sizeof data); }
};

/// libcrypt takes a C string, of CRYPT_MAX_PASSPHRASE_SIZE octets with its end.
bool can_be_hashed(std::string_view password) {
  return !password.empty() && password.size() < CRYPT_MAX_PASSPHRASE_SIZE &&
         password.find('\0') == std::string_view::npos;
}

/// The hash of the password by the method, cost and salt of `setting`; empty: libcrypt cannot.
std::string hashed(std::string_view password, const std::string& setting) {
  const auto scratch = std::make_unique<Scratch>();  // 32 KiB
  std::copy(password.begin(), password.end(), scratch->data.input);
  const char* result = crypt_rn(scratch->data.input, setting.c_str(), &scratch->data, sizeof scratch->data);
  return result != nullptr ? result : std::string();
}

// ---- what a hash must look like

/// crypt(5): the methods that are strong, and the length of what stands behind the last `$` of a whole hash.
struct Method {
  std::string_view prefix;
  std::size_t digest;
};
constexpr Method methods[] = {{"$y$", 43},  {"$gy$", 43}, {"$7$", 43}, {"$2b$", 53},
                              {"$2y$", 53}, {"$2a$", 53}, {"$6$", 86}, {"$5$", 43}};
constexpr std::string_view expected =
    "expected a hash as `sts-relay password` or `mkpasswd` writes it, beginning with $y$, $gy$, $7$, $2b$, $6$ or $5$";

bool is_weak(std::string_view hash) {
  for (const std::string_view prefix : {"$1$", "$md5", "$sha1", "$3$", "$2x$", "_"}) {
    if (hash.starts_with(prefix)) return true;
  }
  // DES has no prefix: two letters of salt, and groups of eleven.
  return hash.size() >= 13 && hash.find('$') == std::string_view::npos && (hash.size() - 2) % 11 == 0;
}

/// Why a hash is refused, without it; empty: it is none of that.
std::string fault_of_hash(const std::string& hash) {
  if (hash.empty()) return "is empty";
  const auto method = std::ranges::find_if(methods, [&](const auto& one) { return hash.starts_with(one.prefix); });
  if (method == std::end(methods))
    return is_weak(hash) ? "is of a method that is too weak" : "is no hash, or of a method that is not known";
  // Legacy is what libxcrypt calls $5$ too; what is weak has been refused.
  const int verdict = crypt_checksalt(hash.c_str());
  if (verdict != CRYPT_SALT_OK && verdict != CRYPT_SALT_METHOD_LEGACY)
    return "is malformed, or of a method that this system's crypt lacks";
  if (hash.size() >= CRYPT_OUTPUT_SIZE) return "is too long";
  if (hash.size() - hash.rfind('$') - 1 != method->digest) return "is cut off, or too long";
  // crypt(5): the letters of its base64, and those between the parts.
  const bool clean = std::ranges::all_of(hash, [](char c) {
    return base::is_letter(c) || base::is_digit(c) || c == '.' || c == '/' || c == '$' || c == '=' || c == ',';
  });
  return clean ? std::string() : "has letters that no hash has";
}

}  // namespace

bool Users::check(std::string_view name, std::string_view password) const {
  // No user of a file that was taken has such a password: that this answer is quick says nothing about a name.
  if (hashes_.empty() || !can_be_hashed(password)) return false;
  auto user = hashes_.find(name);
  const bool known = user != hashes_.end();
  if (!known)
    user =
        std::next(hashes_.begin(), static_cast<std::ptrdiff_t>(std::hash<std::string_view>{}(name) % hashes_.size()));
  const auto result = hashed(password, user->second);
  const bool same =
      result.size() == user->second.size() && CRYPTO_memcmp(result.data(), user->second.data(), result.size()) == 0;
  return known && same;
}

/// Fills a LoadedUsers from the tree.
class UsersReader {
 public:
  explicit UsersReader(std::string file) : file_(std::move(file)) {}

  LoadedUsers read(std::string_view text) {
    const auto document = read_document(text);
    if (document.error_line != 0) {
      fail(document.error_line, "not TOML: " + document.error);
      return std::move(loaded_);
    }
    bool found = false;
    for (const auto& entry : document.root.entries) {
      if (entry.key != "users") {
        fail(entry.line, "unknown key `" + base::printable(entry.key, 60) + "`, expected [users] alone");
      } else if (entry.value.kind != DocumentValue::Kind::table) {
        fail(entry.line, "`users` is " + std::string(words(entry.value.kind)) + ", expected the table [users]");
      } else {
        for (const auto& user : entry.value.entries) take(user);
      }
      found = found || entry.key == "users";
    }
    if (!found && loaded_.errors.empty()) fail(0, "has no [users] table");
    return std::move(loaded_);
  }

 private:
  void take(const DocumentEntry& user) {
    const auto name = '`' + base::printable(user.key, 60) + '`';
    if (user.value.kind == DocumentValue::Kind::table) {
      return fail(user.line, name + " is a table: a name with a dot in it stands in quotes, \"j.doe\" = \"HASH\"");
    }
    if (user.value.kind != DocumentValue::Kind::text)
      return fail(user.line,
                  "the hash of " + name + " is " + std::string(words(user.value.kind)) + ", expected a string");
    // What no client could send is a slip of the pen.
    const auto fault = smtp::credentials_fault(user.key, "any");
    if (!fault.empty()) return fail(user.line, name + ": " + fault);
    const auto wrong = fault_of_hash(user.value.text);
    if (!wrong.empty())
      return fail(user.value.line, "the hash of " + name + ' ' + wrong + ", " + std::string(expected));
    loaded_.users.hashes_.emplace(user.key, user.value.text);
  }

  void fail(int line, std::string words) { loaded_.errors.push_back({file_, line, std::move(words)}); }

  std::string file_;
  LoadedUsers loaded_;
};

LoadedUsers parse_users(std::string_view text, const std::string& file) {
  return UsersReader(file).read(text);
}

LoadedUsers load_users(const std::string& file) {
  const auto failed = [&](const std::string& why) {
    LoadedUsers loaded;
    loaded.errors.push_back({file, 0, why + ", expected a users file"});
    return loaded;
  };
  const auto cannot = [&](int error) { return failed("cannot be read: " + std::string(std::strerror(error))); };
  // Not to wait for a writer, should it be a pipe.
  const int opened = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (opened < 0) return cannot(errno);
  struct Closing {
    int descriptor;
    ~Closing() { ::close(descriptor); }
  } const closing{opened};
  struct stat facts {};
  if (::fstat(opened, &facts) != 0) return cannot(errno);
  if (!S_ISREG(facts.st_mode)) return failed("is no file");
  std::string text;
  for (std::array<char, 4096> part;;) {
    const auto count = ::read(opened, part.data(), part.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return cannot(errno);
    if (count == 0) break;
    text.append(part.data(), static_cast<std::size_t>(count));
    if (text.size() > greatest_file) return failed("is larger than 16 MiB");
  }
  auto loaded = parse_users(text, file);
  if ((facts.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    const char* what = (facts.st_mode & S_IWOTH) != 0 ? "everybody may write it" : "everybody may read it";
    loaded.warnings.push_back(message({file, 0, std::string(what) + ", expected mode 0600 or 0640"}));
  }
  return loaded;
}

std::optional<std::string> hash_password(std::string_view password) {
  if (!can_be_hashed(password)) return std::nullopt;
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
  if (crypt_gensalt_rn("$y$", 0, nullptr, 0, setting.data(), static_cast<int>(setting.size())) == nullptr)
    return std::nullopt;
  auto hash = hashed(password, setting.data());
  if (hash.empty()) return std::nullopt;
  return hash;
}

}  // namespace proxy
