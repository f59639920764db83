// A TLS handshake between two SSLs of one process, over a pair of memory BIOs: no socket, no thread, no clock.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "proxy/tls/contexts.hpp"

namespace proxy {

class MemoryHandshake {
 public:
  /// `client` as the relay made it; `server`: of the other side. Shakes hands as far as both sides go.
  MemoryHandshake(SslPtr client, SSL_CTX* server) : client_(std::move(client)), server_(SSL_new(server)) {
    BIO *near = nullptr, *far = nullptr;
    BIO_new_bio_pair(&near, 0, &far, 0);
    SSL_set_bio(client_.get(), near, near);
    SSL_set_bio(server_.get(), far, far);
    SSL_set_accept_state(server_.get());
    for (int round = 0; round < 20; ++round) {
      if (!client_done_) client_done_ = SSL_do_handshake(client_.get()) == 1;
      if (!server_done_) server_done_ = SSL_do_handshake(server_.get()) == 1;
    }
    char octet = 0;
    if (client_done_) SSL_read(client_.get(), &octet, 1);  // takes the tickets of TLS 1.3
  }

  ~MemoryHandshake() {
    // An SSL that ends without a farewell takes its session out of the caches.
    SSL_set_shutdown(client_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_set_shutdown(server_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }
  MemoryHandshake(const MemoryHandshake&) = delete;
  MemoryHandshake& operator=(const MemoryHandshake&) = delete;

  bool done() const { return client_done_ && server_done_; }
  SSL* client() const { return client_.get(); }
  SSL* server() const { return server_.get(); }
  /// What the client named in its hello, "" for nothing.
  std::string server_name() const {
    const char* name = SSL_get_servername(server_.get(), TLSEXT_NAMETYPE_host_name);
    return name == nullptr ? "" : name;
  }

 private:
  SslPtr client_, server_;
  bool client_done_ = false, server_done_ = false;
};

}  // namespace proxy
