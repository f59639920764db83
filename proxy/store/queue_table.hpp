// The queue's database: rows to values and back, and what makes a file this program's. A file that is not ours, newer
// than we know, or damaged is refused with words and left as it is. Octets above a limit lie beside it as files.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "proxy/store/queue_store.hpp"
#include "proxy/store/sqlite.hpp"

namespace proxy {

/// Where the queue of a state directory is, and the folder of its larger messages.
std::string queue_file(const std::string& state_dir);
std::string queue_folder(const std::string& state_dir);

/// Whether there is a queue at all. Throws StoreError for a file that is not ours. Never while the process has it open
/// (see is_policy_database).
bool is_queue_database(const std::string& file);

/// Makes database (0600) and folder (0700) where there are none, checks what is there, and clears away what no client
/// was promised and files that no row names. Throws StoreError. Only while the process does not have it open.
void prepare_queue(const std::string& state_dir);

/// A connection that only reads. It works beside a running relay and after one was killed. Any thread may use it.
class QueueReader {
 public:
  explicit QueueReader(const std::string& state_dir);
  std::optional<QueuedMessage> load(std::int64_t number, std::string_view domain);
  std::shared_ptr<const Octets> octets(const QueuedMessage& message);
  std::optional<std::int64_t> number_of(std::string_view id);
  void walk(const std::function<bool(QueuedMessage)>& each);
  /// The next `count` messages behind this number, with their recipients: for whoever takes so long over them that no
  /// transaction may be open meanwhile, since the write-ahead log would grow.
  std::vector<QueuedMessage> page(std::int64_t after, std::size_t count);
  std::int64_t last_number();

 private:
  std::mutex mutex_;
  std::string folder_;
  sqlite::Connection connection_;
  sqlite::Statement message_, page_, recipients_, recipients_of_domain_, octets_, number_of_;
};

/// Writes within a transaction of its own: begin, changes, commit.
class QueueWriter {
 public:
  explicit QueueWriter(const std::string& state_dir);
  /// Takes away the files that a transaction without commit has left.
  ~QueueWriter();
  QueueWriter(const QueueWriter&) = delete;
  QueueWriter& operator=(const QueueWriter&) = delete;

  void begin();
  void commit();
  /// False: a file could not be written; nothing of this change was done, the others of the transaction go on.
  bool apply(const QueueChange& change, std::vector<Applied::Gone>& gone);

 private:
  bool place_files(const QueueChange& change);
  void add(const QueueChange::New& made);
  void remove_recipient(std::int64_t message, std::uint32_t number);
  void remove_if_done(std::int64_t message, std::vector<Applied::Gone>& gone);
  void remove_message(std::int64_t message, std::vector<Applied::Gone>& gone);

  std::string folder_;
  sqlite::Connection connection_;
  sqlite::Statement add_message_, add_recipient_, add_octets_, done_, left_, attempted_, accept_, warned_, hold_,
      facts_, remove_message_, remove_recipients_, remove_octets_;
  std::vector<std::string> linked_;    ///< files of this transaction
  std::vector<std::string> unlinked_;  ///< to be taken away after its commit
};

}  // namespace proxy
