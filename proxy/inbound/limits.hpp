// How many clients may be connected: in all, and from one address. Each refusal names its limit (OPS-09).
#pragma once

#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace proxy {

class ConnectionLimits {
 public:
  ConnectionLimits(unsigned all, unsigned per_client) : all_(all), per_client_(per_client) {}

  /// One admitted connection; given back when it ends.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), client_(std::move(other.client_)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (owner_) owner_->leave(client_);
    }
    /// Whose it is, where that was not known at first (enter_unnamed). Empty, or the name of the limit that is reached.
    std::string belongs_to(const std::string& client) {
      if (!owner_ || !owner_->name(client)) return "connections_per_client";
      client_ = client;
      return {};
    }

   private:
    friend class ConnectionLimits;
    Place(ConnectionLimits* owner, std::string client) : owner_(owner), client_(std::move(client)) {}
    ConnectionLimits* owner_ = nullptr;
    std::string client_;
  };

  /// As enter, of a connection whose client is still to be named by a balancer.
  std::pair<Place, std::string> enter_unnamed() {
    std::lock_guard hold(lock_);
    if (open_ >= all_) return {Place(), "connections"};
    ++open_;
    return {Place(this, ""), ""};
  }
  /// The place, or the name of the limit that is reached.
  std::pair<Place, std::string> enter(const std::string& client) {
    std::lock_guard hold(lock_);
    if (open_ >= all_) return {Place(), "connections"};
    auto& count = clients_[client];
    if (count >= per_client_) return {Place(), "connections_per_client"};
    ++count;
    ++open_;
    return {Place(this, client), ""};
  }

 private:
  bool name(const std::string& client) {
    std::lock_guard hold(lock_);
    auto& count = clients_[client];
    if (count >= per_client_) return false;
    ++count;
    return true;
  }
  void leave(const std::string& client) {
    std::lock_guard hold(lock_);
    --open_;
    if (client.empty()) return;
    const auto found = clients_.find(client);
    if (--found->second == 0) clients_.erase(found);
  }

  std::mutex lock_;
  const unsigned all_, per_client_;
  unsigned open_ = 0;
  std::unordered_map<std::string, unsigned> clients_;
};

}  // namespace proxy
