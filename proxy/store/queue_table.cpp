// Rows to values and back; files written unnamed, synced and named before the row that names them.
#include "proxy/store/queue_table.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "proxy/runtime/log.hpp"
#include "proxy/store/database_file.hpp"
#include "proxy/store/kill_point.hpp"
#include "proxy/store/spool.hpp"

namespace proxy {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t octets_in_row = 128 * 1024;

std::int64_t number_of_time(QueueTime time) {
  return std::chrono::floor<milliseconds>(time.time_since_epoch()).count();
}
QueueTime time_of(std::int64_t number) {
  return QueueTime(milliseconds(number));
}

std::string_view text_of(smtp::Body body) {
  return body == smtp::Body::eight_bit ? "8BITMIME" : body == smtp::Body::seven_bit ? "7BIT" : "";
}

smtp::Path path_of(const std::string& address, bool may_be_null) {
  std::string_view rest;
  auto path = smtp::parse_path('<' + address + '>', may_be_null, rest);
  if (!path) throw StoreError("the queue holds an address that is none: " + address);
  return std::move(*path);
}

constexpr char message_columns[] =
    "SELECT number, id, sender, size, received, expires, warn_at, accepted, held, client, floor, requiretls,"
    " tls_required_no, body, eight_bit, ret, envid, received_field, smtputf8, auth FROM message";

QueuedMessage message_of(const sqlite::Statement& row) {
  QueuedMessage message;
  message.number = row.number(0);
  message.id = row.text(1);
  message.mail.reverse_path = path_of(row.text(2), true);
  message.size = static_cast<std::uint64_t>(row.number(3));
  message.mail.size = message.size;
  message.received = time_of(row.number(4));
  message.expires = time_of(row.number(5));
  if (!row.is_null(6)) message.warn_at = time_of(row.number(6));
  message.accepted = row.number(7) != 0;
  message.held = row.number(8) != 0;
  message.client = row.text(9);
  message.floor.encrypted = (row.number(10) & 1) != 0;
  message.floor.pkix = (row.number(10) & 2) != 0;
  message.mail.requiretls = row.number(11) != 0;
  message.tls_required_no = row.number(12) != 0;
  const auto body = row.text(13);
  for (const auto known : {smtp::Body::seven_bit, smtp::Body::eight_bit}) {
    if (body == text_of(known)) message.mail.body = known;
  }
  const auto content = row.number(14);
  message.content = {(content & 1) != 0, (content & 2) != 0, (content & 4) != 0};
  message.mail.smtputf8 = row.number(18) != 0;
  const auto ret = row.text(15);
  if (ret == "FULL") message.mail.ret = smtp::Return::full;
  if (ret == "HDRS") message.mail.ret = smtp::Return::headers;
  message.mail.envid = row.text(16);
  message.received_field = row.text(17);
  if (row.number(19) != 0) message.mail.auth.emplace();
  return message;
}

constexpr char recipient_columns[] =
    "SELECT number, address, notify, orcpt, attempts, next_attempt, reason, domain, host FROM recipient"
    " WHERE message = ?1";

QueuedRecipient recipient_of(const sqlite::Statement& row) {
  QueuedRecipient recipient;
  recipient.number = static_cast<std::uint32_t>(row.number(0));
  recipient.rcpt.forward_path = path_of(row.text(1), false);
  recipient.rcpt.notify = smtp::parse_notify(row.text(2)).value_or(smtp::Notify{});
  recipient.rcpt.orcpt = row.text(3);
  recipient.attempts = static_cast<std::uint32_t>(row.number(4));
  recipient.next_attempt = time_of(row.number(5));
  recipient.reason = row.text(6);
  recipient.rcpt.forward_path.domain = row.text(7);  // in A-labels, whatever the address has
  recipient.host = row.text(8);
  return recipient;
}

bool sync_folder(const std::string& folder) {
  const int opened = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) return false;
  const bool done = ::fsync(opened) == 0;
  ::close(opened);
  return done;
}

/// A copy of the octets in an unnamed file of the folder; -1: it cannot be written.
int copied(const Octets& octets, const std::string& folder) {
  const int file = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file < 0) return -1;
  std::string part(65536, '\0');
  for (std::size_t offset = 0; offset < octets.size();) {
    const auto got = octets.read(offset, part);
    if (got == 0 || ::write(file, part.data(), got) != static_cast<ssize_t>(got)) {
      ::close(file);
      return -1;
    }
    offset += got;
  }
  return file;
}

/// Synced, and then named: what has the name is whole. Takes the descriptor where it is not the spool's.
bool name_file(const Octets& octets, const std::string& folder, const std::string& name) {
  const auto* spool = dynamic_cast<const Spool*>(&octets);
  const bool unnamed = spool != nullptr && spool->file() >= 0;
  const int file = unnamed ? spool->file() : copied(octets, folder);
  if (file < 0) return false;
  kill_point();
  bool done = ::fdatasync(file) == 0;
  kill_point();
  const auto at = "/proc/self/fd/" + std::to_string(file);
  done = done && ::linkat(AT_FDCWD, at.c_str(), AT_FDCWD, (folder + '/' + name).c_str(), AT_SYMLINK_FOLLOW) == 0;
  kill_point();
  if (!unnamed) ::close(file);
  return done;
}

}  // namespace

QueueReader::QueueReader(const std::string& state_dir)
    : folder_(queue_folder(state_dir)),
      connection_(queue_file(state_dir), sqlite::Connection::Access::read_only),
      message_(connection_, (std::string(message_columns) + " WHERE number = ?1").c_str()),
      page_(connection_,
            (std::string(message_columns) + " WHERE accepted AND number > ?1 ORDER BY number LIMIT ?2").c_str()),
      recipients_(connection_, (std::string(recipient_columns) + " ORDER BY number").c_str()),
      recipients_of_domain_(connection_, (std::string(recipient_columns) + " AND domain = ?2 ORDER BY number").c_str()),
      octets_(connection_, "SELECT content FROM octets WHERE message = ?1"),
      number_of_(connection_, "SELECT number FROM message WHERE id = ?1") {}

std::optional<QueuedMessage> QueueReader::load(std::int64_t number, std::string_view domain) {
  const std::lock_guard lock(mutex_);
  std::optional<QueuedMessage> message;
  message_.reset();
  message_.bind(1, number);
  if (message_.step()) message = message_of(message_);
  message_.reset();  // ends the read transaction, else the write-ahead log could not be emptied
  if (!message) return message;
  auto& statement = domain.empty() ? recipients_ : recipients_of_domain_;
  statement.reset();
  statement.bind(1, number);
  if (!domain.empty()) statement.bind(2, domain);
  while (statement.step()) message->recipients.push_back(recipient_of(statement));
  statement.reset();
  return message;
}

std::shared_ptr<const Octets> QueueReader::octets(const QueuedMessage& message) {
  if (message.size > octets_in_row) {
    const int file = ::open((folder_ + '/' + message.id).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) return nullptr;
    return std::make_shared<OctetsInFile>(file, static_cast<std::size_t>(message.size));
  }
  const std::lock_guard lock(mutex_);
  octets_.reset();
  octets_.bind(1, message.number);
  std::shared_ptr<const Octets> found;
  if (octets_.step()) found = std::make_shared<OctetsInMemory>(octets_.text(0));
  octets_.reset();
  return found && found->size() == message.size ? found : nullptr;
}

std::optional<std::int64_t> QueueReader::number_of(std::string_view id) {
  const std::lock_guard lock(mutex_);
  number_of_.reset();
  number_of_.bind(1, id);
  std::optional<std::int64_t> number;
  if (number_of_.step()) number = number_of_.number(0);
  number_of_.reset();
  return number;
}

void QueueReader::walk(const std::function<bool(QueuedMessage)>& each) {
  const std::lock_guard lock(mutex_);
  sqlite::Statement messages(connection_, (std::string(message_columns) + " WHERE accepted ORDER BY number").c_str());
  while (messages.step()) {
    auto message = message_of(messages);
    recipients_.reset();
    recipients_.bind(1, message.number);
    while (recipients_.step()) message.recipients.push_back(recipient_of(recipients_));
    recipients_.reset();
    if (!each(std::move(message))) return;
  }
}

std::vector<QueuedMessage> QueueReader::page(std::int64_t after, std::size_t count) {
  const std::lock_guard lock(mutex_);
  std::vector<QueuedMessage> messages;
  page_.reset();
  page_.bind(1, after);
  page_.bind(2, static_cast<std::int64_t>(count));
  while (page_.step()) {
    messages.push_back(message_of(page_));
    recipients_.reset();
    recipients_.bind(1, messages.back().number);
    while (recipients_.step()) messages.back().recipients.push_back(recipient_of(recipients_));
    recipients_.reset();
  }
  page_.reset();
  return messages;
}

std::int64_t QueueReader::last_number() {
  const std::lock_guard lock(mutex_);
  return connection_.number("SELECT max(number) FROM message");
}

QueueWriter::QueueWriter(const std::string& state_dir)
    : folder_(queue_folder(state_dir)),
      connection_(open_for_writing(queue_file(state_dir))),
      add_message_(
          connection_,
          "INSERT INTO message (number, id, sender, size, received, expires, warn_at, accepted, held, client,"
          " floor, requiretls, tls_required_no, body, eight_bit, ret, envid, received_field, in_file, smtputf8, auth)"
          " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)"),
      add_recipient_(connection_,
                     "INSERT INTO recipient (message, number, address, domain, notify, orcpt, attempts, next_attempt,"
                     " reason, host) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"),
      add_octets_(connection_, "INSERT INTO octets (message, content) VALUES (?1, ?2)"),
      done_(connection_, "DELETE FROM recipient WHERE message = ?1 AND number = ?2"),
      left_(connection_, "SELECT 1 FROM recipient WHERE message = ?1 LIMIT 1"),
      attempted_(connection_,
                 "UPDATE recipient SET attempts = ?3, next_attempt = ?4, reason = ?5, host = ?6 WHERE message = ?1 AND "
                 "number = ?2"),
      accept_(connection_, "UPDATE message SET accepted = 1 WHERE number = ?1"),
      warned_(connection_, "UPDATE message SET warn_at = NULL WHERE number = ?1"),
      hold_(connection_, "UPDATE message SET held = ?2 WHERE number = ?1"),
      facts_(connection_, "SELECT client, size, in_file, id, expires, warn_at FROM message WHERE number = ?1"),
      remove_message_(connection_, "DELETE FROM message WHERE number = ?1"),
      remove_recipients_(connection_, "DELETE FROM recipient WHERE message = ?1"),
      remove_octets_(connection_, "DELETE FROM octets WHERE message = ?1") {
  // A checkpoint syncs the database a second time. After 32 MiB of log instead of 4: mail that soon goes is then never
  // written there at all.
  connection_.run("PRAGMA wal_autocheckpoint = 8000");
}

QueueWriter::~QueueWriter() {
  for (const auto& name : linked_) ::unlink((folder_ + '/' + name).c_str());
}

void QueueWriter::begin() {
  linked_.clear();
  unlinked_.clear();
  connection_.run("BEGIN IMMEDIATE");
}

void QueueWriter::commit() {
  if (!linked_.empty() && !sync_folder(folder_)) throw StoreError("folder " + folder_ + ": cannot be synced");
  kill_point();
  connection_.run("COMMIT");
  kill_point();
  linked_.clear();
  // A file that stays behind is cleared away at the next start.
  for (const auto& name : unlinked_) ::unlink((folder_ + '/' + name).c_str());
  kill_point();
}

bool QueueWriter::place_files(const QueueChange& change) {
  const auto before = linked_.size();
  for (const auto& made : change.add) {
    if (made.message.size <= octets_in_row) continue;
    if (name_file(*made.octets, folder_, made.message.id)) {
      linked_.push_back(made.message.id);
      continue;
    }
    log::Event(log::Level::error, "store_failed")
        .add("id", made.message.id)
        .add("reason", "file in " + folder_ + ": " + std::strerror(errno));
    for (; linked_.size() > before; linked_.pop_back()) ::unlink((folder_ + '/' + linked_.back()).c_str());
    return false;
  }
  return true;
}

bool QueueWriter::apply(const QueueChange& change, std::vector<Applied::Gone>& gone) {
  if (!place_files(change)) return false;
  for (const auto& made : change.add) add(made);
  for (const auto& done : change.done) {
    for (const auto number : done.numbers) remove_recipient(done.message, number);
    remove_if_done(done.message, gone);
  }
  for (const auto& one : change.attempted) {
    attempted_.bind(1, one.message);
    attempted_.bind(2, std::int64_t{one.recipient.number});
    attempted_.bind(3, std::int64_t{one.recipient.attempts});
    attempted_.bind(4, number_of_time(one.recipient.next_attempt));
    attempted_.bind(5, one.recipient.reason);
    attempted_.bind(6, one.recipient.host);
    attempted_.run();
  }
  for (const auto number : change.accept) {
    accept_.bind(1, number);
    accept_.run();
  }
  for (const auto number : change.warned) {
    warned_.bind(1, number);
    warned_.run();
  }
  for (const auto number : change.drop) remove_message(number, gone);
  for (const auto& [number, held] : change.hold) {
    hold_.bind(1, number);
    hold_.bind(2, std::int64_t{held});
    hold_.run();
  }
  if (change.probe) connection_.run("PRAGMA user_version = 1");
  return true;
}

void QueueWriter::add(const QueueChange::New& made) {
  const auto& message = made.message;
  const bool in_file = message.size > octets_in_row;
  add_message_.bind(1, message.number);
  add_message_.bind(2, message.id);
  add_message_.bind(3, message.mail.reverse_path.address);
  add_message_.bind(4, static_cast<std::int64_t>(message.size));
  add_message_.bind(5, number_of_time(message.received));
  add_message_.bind(6, number_of_time(message.expires));
  if (message.warn_at) add_message_.bind(7, number_of_time(*message.warn_at));
  add_message_.bind(8, std::int64_t{message.accepted});
  add_message_.bind(9, std::int64_t{message.held});
  add_message_.bind(10, message.client);
  add_message_.bind(11, std::int64_t{message.floor.encrypted} + 2 * std::int64_t{message.floor.pkix});
  add_message_.bind(12, std::int64_t{message.mail.requiretls});
  add_message_.bind(13, std::int64_t{message.tls_required_no});
  add_message_.bind(14, text_of(message.mail.body));
  const auto& content = message.content;
  add_message_.bind(15, std::int64_t{content.eight_bit} + 2 * std::int64_t{content.eight_bit_header} +
                            4 * std::int64_t{content.newline_added});
  const auto ret = message.mail.ret;
  add_message_.bind(16, std::string_view(ret == smtp::Return::full      ? "FULL"
                                         : ret == smtp::Return::headers ? "HDRS"
                                                                        : ""));
  add_message_.bind(17, message.mail.envid);
  add_message_.bind(18, message.received_field);
  add_message_.bind(19, std::int64_t{in_file});
  add_message_.bind(20, std::int64_t{message.mail.smtputf8});
  add_message_.bind(21, std::int64_t{message.mail.auth.has_value()});
  add_message_.run();
  for (const auto& recipient : message.recipients) {
    add_recipient_.bind(1, message.number);
    add_recipient_.bind(2, std::int64_t{recipient.number});
    add_recipient_.bind(3, recipient.rcpt.forward_path.address);
    add_recipient_.bind(4, recipient.rcpt.forward_path.domain);
    add_recipient_.bind(5, smtp::notify_value(recipient.rcpt.notify));
    add_recipient_.bind(6, recipient.rcpt.orcpt);
    add_recipient_.bind(7, std::int64_t{recipient.attempts});
    add_recipient_.bind(8, number_of_time(recipient.next_attempt));
    add_recipient_.bind(9, recipient.reason);
    add_recipient_.bind(10, recipient.host);
    add_recipient_.run();
  }
  if (in_file) return;
  std::string copy;
  std::string_view octets;
  if (const auto* spool = dynamic_cast<const Spool*>(made.octets.get()); spool != nullptr && spool->file() < 0) {
    octets = spool->memory();
  } else if (made.octets) {
    copy.resize(made.octets->size());
    copy.resize(made.octets->read(0, copy));
    octets = copy;
  }
  add_octets_.bind(1, message.number);
  add_octets_.bind_octets(2, octets);
  add_octets_.run();
}

void QueueWriter::remove_recipient(std::int64_t message, std::uint32_t number) {
  done_.bind(1, message);
  done_.bind(2, std::int64_t{number});
  done_.run();
}

void QueueWriter::remove_if_done(std::int64_t message, std::vector<Applied::Gone>& gone) {
  left_.bind(1, message);
  const bool left = left_.step();
  left_.reset();
  if (!left) remove_message(message, gone);
}

void QueueWriter::remove_message(std::int64_t message, std::vector<Applied::Gone>& gone) {
  facts_.bind(1, message);
  if (facts_.step()) {
    gone.push_back({facts_.text(0), static_cast<std::uint64_t>(facts_.number(1)), message, time_of(facts_.number(4))});
    if (!facts_.is_null(5)) gone.back().warn_at = time_of(facts_.number(5));
    if (facts_.number(2) != 0) unlinked_.push_back(facts_.text(3));
  }
  facts_.reset();
  for (auto* statement : {&remove_octets_, &remove_recipients_, &remove_message_}) {
    statement->bind(1, message);
    statement->run();
  }
}

}  // namespace proxy
