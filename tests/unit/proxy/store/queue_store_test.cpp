// What the queue has said is stored is there after kill -9, all of it or nothing; what no client was promised is not.
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "proxy/store/spool.hpp"
#include "proxy/store/sqlite_queue_store.hpp"
#include "tests/support/run_awaitable.hpp"
#include "tests/support/temporary_directory.hpp"

namespace {

using proxy::QueueChange;
using proxy::QueuedMessage;
using proxy::SqliteQueueStore;

const proxy::QueueTime noon{std::chrono::seconds(1'800'000'000)};

smtp::Path path(const std::string& address) {
  std::string_view rest;
  return *smtp::parse_path('<' + address + '>', true, rest);
}

QueuedMessage message(std::int64_t number, const std::vector<std::string>& to) {
  QueuedMessage made;
  made.number = number;
  made.id = "id" + std::to_string(number);
  made.mail.reverse_path = path("a@sender.test");
  made.mail.body = smtp::Body::eight_bit;
  made.mail.ret = smtp::Return::headers;
  made.mail.envid = "QQ314159";
  made.mail.requiretls = true;
  made.mail.auth = "someone@sender.test";
  made.floor = {.encrypted = true, .pkix = true};
  made.tls_required_no = true;
  made.client = "192.0.2.7";
  made.received_field = "Received: from x\r\n";
  made.content = {.eight_bit = true, .newline_added = true};
  made.received = noon;
  made.expires = noon + std::chrono::hours(120);
  made.warn_at = noon + std::chrono::hours(4);
  for (const auto& address : to) {
    proxy::QueuedRecipient one;
    one.number = static_cast<std::uint32_t>(made.recipients.size());
    one.rcpt.forward_path = path(address);
    one.rcpt.notify = {.given = true, .success = true, .delay = true};
    one.rcpt.orcpt = "rfc822;b@x.test";
    one.attempts = 1;
    one.next_attempt = noon + std::chrono::minutes(5);
    one.reason = "451 4.7.4 no STARTTLS";
    made.recipients.push_back(one);
  }
  return made;
}

std::string text_of(const proxy::Octets& octets) {
  std::string text(octets.size(), '\0');
  text.resize(octets.read(0, text));
  return text;
}

struct World {
  test::TemporaryDirectory directory{"queue"};
  boost::asio::io_context io{1};
  std::optional<SqliteQueueStore> store{directory.path};

  bool apply(QueueChange change) { return test::run_awaitable(io, store->apply(std::move(change))).durable; }
  bool add(QueuedMessage made, const std::string& octets) {
    made.size = octets.size();
    QueueChange change;
    change.add.push_back({std::move(made), std::make_shared<proxy::OctetsInMemory>(octets)});
    return apply(std::move(change));
  }
  void reopen() {
    store.reset();
    store.emplace(directory.path);
  }
  std::size_t files() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory.path + "/queue")) {
      static_cast<void>(entry);
      ++count;
    }
    return count;
  }
};

bool same(const QueuedMessage& a, const QueuedMessage& b) {
  bool recipients = a.recipients.size() == b.recipients.size();
  for (std::size_t i = 0; recipients && i < a.recipients.size(); ++i) {
    const auto &x = a.recipients[i], &y = b.recipients[i];
    recipients = x.number == y.number && x.rcpt.forward_path == y.rcpt.forward_path && x.rcpt.notify == y.rcpt.notify &&
                 x.rcpt.orcpt == y.rcpt.orcpt && x.attempts == y.attempts && x.next_attempt == y.next_attempt &&
                 x.reason == y.reason;
  }
  return recipients && a.number == b.number && a.id == b.id && a.mail.reverse_path == b.mail.reverse_path &&
         a.mail.body == b.mail.body && a.mail.ret == b.mail.ret && a.mail.envid == b.mail.envid &&
         a.mail.requiretls == b.mail.requiretls && a.mail.auth.has_value() == b.mail.auth.has_value() &&
         a.floor == b.floor && a.tls_required_no == b.tls_required_no && a.client == b.client &&
         a.received_field == b.received_field && a.content == b.content && a.size == b.size &&
         a.received == b.received && a.expires == b.expires && a.warn_at == b.warn_at && a.held == b.held &&
         a.accepted == b.accepted;
}

}  // namespace

TEST_CASE("a queued message comes back as it was with every mark of its envelope", "[SMTP-31][RTLS-10][SMTP-26]") {
  World world;
  auto sent = message(world.store->next_number(), {"b@x.test", "\"odd one\"@y.test", "c@[192.0.2.1]"});
  using namespace std::string_literals;
  const auto octets = "Subject: x\r\n\r\nfirst\0second \xff\r\n..\r\n"s;
  REQUIRE(world.add(sent, octets));
  sent.size = octets.size();
  world.reopen();
  const auto back = world.store->load(sent.number, "");
  REQUIRE(back);
  CHECK(same(*back, sent));
  const auto found = world.store->octets(*back);
  REQUIRE(found);
  CHECK(text_of(*found) == octets);
  const auto of_domain = world.store->load(sent.number, "y.test");
  REQUIRE(of_domain);
  REQUIRE(of_domain->recipients.size() == 1);
  CHECK(of_domain->recipients.front().number == 1);
  CHECK(world.store->number_of("id1") == 1);
  CHECK_FALSE(world.store->number_of("id2"));
  CHECK(world.store->next_number() == 2);
}

TEST_CASE("a message from the null sender and one without octets are kept as well", "[SMTP-31]") {
  World world;
  auto empty = message(1, {"b@x.test"});
  empty.mail.reverse_path = path("");
  empty.warn_at.reset();
  REQUIRE(world.add(empty, ""));
  world.reopen();
  const auto back = world.store->load(1, "");
  REQUIRE(back);
  CHECK(back->mail.reverse_path.null());
  CHECK_FALSE(back->warn_at);
  REQUIRE(world.store->octets(*back));
  CHECK(world.store->octets(*back)->size() == 0);
}

TEST_CASE("what was stored is there after kill -9 whether its octets lie in a row or in a file", "[SMTP-31][SMTP-60]") {
  const std::size_t size = GENERATE(4096U, 131072U, 131073U, 1000000U);
  World world;
  world.store.reset();
  const pid_t child = fork();
  if (child == 0) {
    boost::asio::io_context io{1};
    SqliteQueueStore store(world.directory.path);
    auto spool = std::make_shared<proxy::Spool>(world.directory.path, 128 * 1024);
    if (!spool->append(std::string(size, 'x'))) ::_exit(2);
    QueueChange change;
    change.add.push_back({message(store.next_number(), {"b@x.test"}), spool});
    change.add.back().message.size = size;
    if (test::run_awaitable(io, store.apply(std::move(change))).durable) ::kill(::getpid(), SIGKILL);
    ::_exit(1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  world.store.emplace(world.directory.path);
  const auto back = world.store->load(1, "");
  REQUIRE(back);
  const auto octets = world.store->octets(*back);
  REQUIRE(octets);
  CHECK(text_of(*octets) == std::string(size, 'x'));
}

TEST_CASE("recipients go one by one and the message with its octets with the last", "[SMTP-31]") {
  const std::size_t size = GENERATE(100U, 200000U);
  World world;
  REQUIRE(world.add(message(1, {"b@x.test", "c@x.test"}), std::string(size, 'x')));
  QueueChange first;
  first.done.push_back({1, {1}});
  REQUIRE(world.apply(first));
  REQUIRE(world.store->load(1, ""));
  CHECK(world.store->load(1, "")->recipients.size() == 1);
  QueueChange second;
  second.done.push_back({1, {0}});
  const auto applied = test::run_awaitable(world.io, world.store->apply(std::move(second)));
  CHECK(applied.durable);
  REQUIRE(applied.gone.size() == 1);
  CHECK(applied.gone.front().client == "192.0.2.7");
  CHECK(applied.gone.front().size == size);
  CHECK_FALSE(world.store->load(1, ""));
  CHECK(world.files() == 0);
}

TEST_CASE("an attempt a hold and a warning are noted", "[SMTP-29]") {
  World world;
  REQUIRE(world.add(message(1, {"b@x.test"}), "x"));
  auto one = world.store->load(1, "")->recipients.front();
  one.attempts = 7;
  one.next_attempt = noon + std::chrono::hours(2);
  one.reason = "450 4.2.1 greylisted";
  QueueChange change;
  change.attempted.push_back({1, one});
  change.hold.emplace_back(1, true);
  change.warned.push_back(1);
  REQUIRE(world.apply(change));
  world.reopen();
  const auto back = world.store->load(1, "");
  REQUIRE(back);
  CHECK(back->held);
  CHECK_FALSE(back->warn_at);
  CHECK(back->recipients.front().attempts == 7);
  CHECK(back->recipients.front().reason == "450 4.2.1 greylisted");
}

TEST_CASE("what no client was promised is gone after a restart and what was promised since is not", "[SMTP-40]") {
  World world;
  auto unpromised = message(1, {"b@x.test"});
  unpromised.accepted = false;
  auto promised = message(2, {"b@x.test"});
  promised.accepted = false;
  REQUIRE(world.add(unpromised, std::string(200000, 'x')));
  REQUIRE(world.add(promised, std::string(200000, 'y')));
  QueueChange change;
  change.accept.push_back(2);
  REQUIRE(world.apply(change));
  std::size_t walked = 0;
  world.store->walk([&](const QueuedMessage&) { return ++walked > 0; });
  CHECK(walked == 1);
  world.reopen();
  CHECK_FALSE(world.store->load(1, ""));
  REQUIRE(world.store->load(2, ""));
  CHECK(world.files() == 1);
}

TEST_CASE("a file that no row names is cleared away at the start", "[SMTP-31]") {
  World world;
  REQUIRE(world.add(message(1, {"b@x.test"}), std::string(200000, 'x')));
  std::ofstream(world.directory.path + "/queue/left-over") << "half of a message";
  world.reopen();
  CHECK(world.files() == 1);
  CHECK(world.store->octets(*world.store->load(1, "")));
}

TEST_CASE("octets that are not what the row says are not given out", "[SMTP-31]") {
  World world;
  REQUIRE(world.add(message(1, {"b@x.test"}), std::string(200000, 'x')));
  std::filesystem::remove(world.directory.path + "/queue/id1");
  CHECK(world.store->octets(*world.store->load(1, "")) == nullptr);
}

TEST_CASE("a disk without room fails what needs it and is used again when there is some", "[SMTP-31]") {
  World world;
  REQUIRE(world.add(message(1, {"b@x.test"}), "before"));
  const bool large = GENERATE(false, true);
  rlimit was{};
  getrlimit(RLIMIT_FSIZE, &was);
  const auto before = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit full{32768, was.rlim_max};
  setrlimit(RLIMIT_FSIZE, &full);
  const bool stored = world.add(message(2, {"b@x.test"}), std::string(large ? 400000U : 100000U, 'x'));
  setrlimit(RLIMIT_FSIZE, &was);
  std::signal(SIGXFSZ, before);
  CHECK_FALSE(stored);
  CHECK_FALSE(world.store->load(2, ""));
  CHECK(world.files() == 0);
  CHECK(world.store->load(1, ""));
  QueueChange probe;
  probe.probe = true;
  CHECK(world.apply(probe));
  CHECK(world.add(message(2, {"b@x.test"}), std::string(400000U, 'x')));
}

TEST_CASE("a queue of the first version is brought up to date with all its messages", "[OPS-12][SMTP-31]") {
  World world;
  auto sent = message(1, {"b@x.test"});
  sent.mail.auth.reset();
  REQUIRE(world.add(sent, "x"));
  sent.size = 1;
  world.store.reset();
  {
    proxy::sqlite::Connection connection(proxy::queue_file(world.directory.path),
                                         proxy::sqlite::Connection::Access::read_write);
    connection.run("ALTER TABLE message DROP COLUMN auth; PRAGMA user_version = 1");
  }
  world.reopen();
  const auto back = world.store->load(1, "");
  REQUIRE(back);
  CHECK(same(*back, sent));
}

TEST_CASE("a queue of another program a newer one and a damaged one are refused and left alone", "[SMTP-31]") {
  World world;
  REQUIRE(world.add(message(1, {"b@x.test"}), "x"));
  world.store.reset();
  const auto file = proxy::queue_file(world.directory.path);
  const auto refusal = [&]() -> std::string {
    try {
      SqliteQueueStore opened(world.directory.path);
    } catch (const proxy::StoreError& error) {
      return error.what();
    }
    return "none";
  };
  const auto put = [&](std::streamoff at, const std::string& octets) {
    std::fstream changed(file, std::ios::in | std::ios::out | std::ios::binary);
    changed.seekp(at);
    changed << octets;
  };
  SECTION("newer") {
    put(60, std::string("\0\0\0\x09", 4));
    CHECK(refusal().find("newer") != std::string::npos);
  }
  SECTION("of another program") {
    put(68, "xxxx");
    CHECK(refusal().find("another program") != std::string::npos);
  }
  SECTION("no database") {
    put(0, "This is somebody's letter.");
    CHECK(refusal().find("not an SQLite database") != std::string::npos);
  }
  SECTION("damaged") {
    put(4096, std::string(8192, '\xA5'));
    CHECK(refusal().find("damaged") != std::string::npos);
  }
  std::ifstream in(file, std::ios::binary);
  const std::string after((std::istreambuf_iterator<char>(in)), {});
  CHECK(refusal() != "none");
  std::ifstream again(file, std::ios::binary);
  CHECK(std::string((std::istreambuf_iterator<char>(again)), {}) == after);
}

TEST_CASE("files of the queue are readable by their owner only", "[OPS-11]") {
  World world;
  REQUIRE(world.add(message(1, {"b@x.test"}), std::string(200000, 'x')));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(world.directory.path)) {
    INFO(entry.path().string());
    struct stat status {};
    REQUIRE(::stat(entry.path().c_str(), &status) == 0);
    CHECK((status.st_mode & 077) == 0);
  }
}
