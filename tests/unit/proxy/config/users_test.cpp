// The users file: which hashes are taken, which errors name which line, whose password is right.
#include "proxy/config/users.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/support/temporary_directory.hpp"

using namespace proxy;

namespace {

// All of `pencil`, as cheap as their methods allow.
const std::string bcrypt = "$2b$04$e.LSRKgus8HHIKAInlpOHOK6s22f1/QMWHlVC9Z1xGx.ft6JcOr/i";
const std::string sha512 =
    "$6$wC8oO54EK0R8lh7.$yGogx.xBIE168QDo1XlItQeFkhkUzdXVTMdaRS5U04ig6FIUjhGx.dmVLMNCuScQJRvfDmskw1jVkF0/HH4NV0";
const std::string strong[] = {
    bcrypt,
    sha512,
    "$y$j9T$SjsRUXqM8vxz.TW9k9b6D/$y94A6f6uaLygINNhqa1aDn9N6tyLFfiQFTQ2dTDlEF.",
    "$gy$j9T$7lY0SAn1IkSCz7pIftb/p/$YTitGF4BbUu7jveuT84qWLKkz2RBZs3uz3Z/DxNxNRC",
    "$7$CU..../....09/rJsO65/RLb6f59ocG30$FX0b.wAvAwy5DKN.13smNZB48v4jf0pw5kBhDylA/A1",
    "$2y$04$pN0XYrWiWD9zHc3h7VyN3u59EYFEnOxUxns3XZqxXH/CQRGtnr3PO",
    "$2a$04$LBJ90UOZi6pDUBa5C/L0r.4yAeElHVUjwRx4w0xhj99GZHKh2Tvai",
    "$5$LKn9xMKfMTeCgnT9$.T/supMgfV1A2ouPOuBZcGot6A9silEdPOjSma8BgIA",
};

std::string first_error(const std::string& text) {
  const auto loaded = parse_users(text, "users.toml");
  return loaded.errors.empty() ? std::string() : message(loaded.errors.front());
}

std::string error_of_hash(const std::string& hash) {
  return first_error("[users]\na = \"" + bcrypt + "\"\nb = \"" + hash + "\"\n");
}

Users users(const std::string& text) {
  auto loaded = parse_users(text, "users.toml");
  REQUIRE(loaded.errors.empty());
  return std::move(loaded.users);
}

}  // namespace

TEST_CASE("a password is checked against the hash of its user", "[SMTP-32]") {
  const auto known = users("[users]\nann = \"" + bcrypt + "\"\n\"bob@example.com\" = '" + sha512 + "'\n");
  CHECK(known.size() == 2);
  CHECK(known.check("ann", "pencil"));
  CHECK(known.check("bob@example.com", "pencil"));
  for (const auto* wrong : {"", "pen", "pencil ", "Pencil", "pencils"}) {
    CHECK_FALSE(known.check("ann", wrong));
    CHECK_FALSE(known.check("bob@example.com", wrong));
  }
  for (const auto* stranger : {"", "Ann", "an", "anna", "bob", "carol"}) CHECK_FALSE(known.check(stranger, "pencil"));
  CHECK_FALSE(known.check("ann", std::string_view("pencil\0", 7)));
  CHECK_FALSE(known.check("ann", std::string_view("pencil\0x", 8)));
  CHECK_FALSE(known.check("ann", std::string(511, 'x')));
  CHECK_FALSE(known.check("ann", std::string(512, 'x')));
  CHECK_FALSE(known.check("ann", std::string(100000, 'x')));
}

TEST_CASE("every strong method of crypt is taken", "[SMTP-32]") {
  for (const auto& hash : strong) {
    CAPTURE(hash);
    const auto known = users("[users]\nann = \"" + hash + "\"\n");
    CHECK(known.check("ann", "pencil"));
    CHECK_FALSE(known.check("ann", "pencils"));
  }
}

TEST_CASE("a fresh hash is yescrypt with a salt of its own and its password fits", "[SMTP-32]") {
  const auto one = hash_password("p\xc3\xa4ss word"), other = hash_password("p\xc3\xa4ss word");
  REQUIRE((one && other));
  CHECK(one->starts_with("$y$"));
  CHECK(*one != *other);
  const auto known = users("[users]\nann = \"" + *one + "\"\n");
  CHECK(known.check("ann", "p\xc3\xa4ss word"));
  CHECK_FALSE(known.check("ann", "pass word"));
  CHECK(hash_password(std::string(511, 'x')));
  CHECK_FALSE(hash_password(""));
  CHECK_FALSE(hash_password(std::string(512, 'x')));
  CHECK_FALSE(hash_password(std::string_view("a\0b", 3)));
}

TEST_CASE("without users nobody is let in", "[SMTP-32]") {
  CHECK_FALSE(users("[users]\n").check("ann", "pencil"));
  CHECK_FALSE(Users().check("", ""));
}

TEST_CASE("weak and odd hashes are refused with their line and never shown", "[SMTP-32]") {
  for (const auto* weak : {"$1$hg1isYNZ$Npj5AeWRla1qAFfk92eRE/", "Tv2OZrFf/K5v6", "_J9..7IchC6N7F1VHjPQ",
                           "$md5,rounds=67917$oj/Y/OyE$$qijUgz7AN.lKvUE.5Rxcu/", "$3$$0f0800266a19a0ddc7ff30bba6c76e9b",
                           "$sha1$224440$fFbMe.kIRpwbbu3DzYtW$GXa5XrRqiIGVF1IGH4tCMX9OSIp/",
                           "$2x$04$LBJ90UOZi6pDUBa5C/L0r.4yAeElHVUjwRx4w0xhj99GZHKh2Tvai"}) {
    CHECK_THAT(error_of_hash(weak),
               Catch::StartsWith("users.toml:3: the hash of `b` is of a method that is too weak, "));
  }
  for (const std::string odd : {"", "pencil", "{SHA256-CRYPT}$5$x$y", "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",
                                "*0", "!", "x", "$9$abc"}) {
    const auto error = error_of_hash(odd);
    CHECK_THAT(error, Catch::StartsWith("users.toml:3: the hash of `b` is "));
    if (odd.size() > 3) CHECK(error.find(odd) == std::string::npos);
  }
  for (const auto& hash : strong) {
    CHECK_THAT(error_of_hash(hash.substr(0, hash.size() - 1)), Catch::Contains("cut off"));
    CHECK_THAT(error_of_hash(hash + "x"), Catch::Contains("cut off"));
    auto blank = hash;
    blank[hash.size() - 2] = ' ';
    CHECK_THAT(error_of_hash(blank), Catch::StartsWith("users.toml:3: the hash of `b` "));
  }
  CHECK_THAT(error_of_hash("$6$" + std::string(400, 'x') + sha512.substr(19)), Catch::Contains("too long"));
}

TEST_CASE("faults of a users file name their line", "[SMTP-32]") {
  const auto good = "= \"" + bcrypt + "\"\n";
  CHECK(first_error("") == "users.toml: has no [users] table");
  CHECK(first_error("ann " + good) == "users.toml:1: unknown key `ann`, expected [users] alone");
  CHECK(first_error("[users]\n[other]\n") == "users.toml:2: unknown key `other`, expected [users] alone");
  CHECK(first_error("\nusers = 1\n") == "users.toml:2: `users` is an integer, expected the table [users]");
  CHECK(first_error("[[users]]\nann " + good) == "users.toml:1: `users` is an array, expected the table [users]");
  CHECK(first_error("[users]\n\nann = 7\n") == "users.toml:3: the hash of `ann` is an integer, expected a string");
  CHECK(first_error("[users]\nj.doe " + good) ==
        "users.toml:2: `j` is a table: a name with a dot in it stands in quotes, \"j.doe\" = \"HASH\"");
  CHECK(first_error("[users]\n\"\" " + good) == "users.toml:2: ``: the user name is empty");
  CHECK(first_error("[users]\n\"a\\tb\" " + good) ==
        "users.toml:2: `a\\tb`: the user name is not UTF-8, or has control characters");
  CHECK_THAT(first_error("[users]\nann " + good + "ann " + good), Catch::StartsWith("users.toml:3: not TOML: "));
  CHECK_THAT(first_error("[users\n"), Catch::StartsWith("users.toml:1: not TOML: "));
  const auto all = parse_users("[users]\na = 1\nb = \"x\"\nc " + good, "users.toml");
  CHECK(all.errors.size() == 2);
}

TEST_CASE("a users file that others may read is warned of", "[SMTP-32]") {
  const test::TemporaryDirectory directory("users");
  const auto file = directory.path + "/users.toml";
  std::ofstream(file) << "[users]\nann = \"" << bcrypt << "\"\n";
  const auto warning = [&](mode_t mode) {
    REQUIRE(::chmod(file.c_str(), mode) == 0);
    const auto loaded = load_users(file);
    CHECK(loaded.errors.empty());
    CHECK(loaded.users.check("ann", "pencil"));
    return loaded.warnings.empty() ? std::string() : loaded.warnings.front();
  };
  CHECK(warning(0600).empty());
  CHECK(warning(0640).empty());
  CHECK(warning(0644) == file + ": everybody may read it, expected mode 0600 or 0640");
  CHECK(warning(0666) == file + ": everybody may write it, expected mode 0600 or 0640");
}

TEST_CASE("a users file that cannot be read is an error", "[SMTP-32]") {
  const test::TemporaryDirectory directory("users");
  const auto error = [&](const std::string& file) {
    const auto loaded = load_users(file);
    REQUIRE(loaded.errors.size() == 1);
    return message(loaded.errors.front());
  };
  const auto missing = directory.path + "/none.toml";
  CHECK(error(missing) == missing + ": cannot be read: No such file or directory, expected a users file");
  CHECK(error(directory.path) == directory.path + ": is no file, expected a users file");
  const auto pipe = directory.path + "/pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(error(pipe) == pipe + ": is no file, expected a users file");
  const auto large = directory.path + "/large.toml";
  std::ofstream(large) << std::string((16u << 20) + 1, '#');
  CHECK(error(large) == large + ": is larger than 16 MiB, expected a users file");
}
