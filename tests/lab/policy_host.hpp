// The rogue HTTPS server of MTA-STS policy hosts: many sites behind one address, told apart by SNI, each with its own
// certificate and its own way to misbehave. All requests are recorded. Serves HTTP/1.1 only, and no honest client needs
// more.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/lab/server.hpp"
#include "tests/lab/tls_context.hpp"
#include "tests/lab/watch.hpp"

namespace lab {

/// How a site answers. `endless`: a body without length and end. `chunked`: the same in chunks. `endless_headers`.
/// `hang`: nothing at all. `close`: the connection, instead of an answer. `brief`: less than Content-Length, then
/// closed. `chunks`: well-formed ones. `chunks_cut`: closed before the last one. `chunks_bad`: no chunk where the last
/// one should be.
enum class Behaviour {
  normal,
  drip,
  endless,
  chunked,
  endless_headers,
  hang,
  close,
  brief,
  chunks,
  chunks_cut,
  chunks_bad
};

struct Site {
  std::string certificate;  ///< PEM file: chain and key
  std::string body;
  std::string status = "200 OK";
  std::string content_type = "text/plain; charset=utf-8";  ///< empty: no such header
  std::vector<std::string> headers;                        ///< further ones, whole lines without their end
  Behaviour behaviour = Behaviour::normal;
  std::chrono::milliseconds delay{0};          ///< before the answer
  std::chrono::milliseconds drip_pause{1000};  ///< between the octets of `drip`
};

struct Request {
  std::string server_name;                     ///< SNI, "" without
  std::string line;                            ///< "GET /.well-known/mta-sts.txt HTTP/1.1"
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string tls;                             ///< TLS version
};

/// A connection to an honest site: one that answers, and at once.
struct Visit {
  std::string server_name;
  std::chrono::milliseconds took{0};  ///< until it was answered, or ended without an answer
  bool answered = false;
};

class PolicyHost {
 public:
  /// `fallback`: the PEM file that is shown where SNI names no site. Listens at once; `port` 0: any free one.
  PolicyHost(Watch& watch, const std::string& address, std::uint16_t port, std::string fallback);
  ~PolicyHost();

  const std::string& address() const { return address_; }
  std::uint16_t port() const { return port_; }

  void site(const std::string& host, Site site);
  /// Changes one site: `web.change("mta-sts.x.test", [](Site& s) { s.status = "404 Not Found"; })`.
  void change(const std::string& host, const std::function<void(Site&)>& change);

  void listen(const std::string& address);  ///< the same sites at one more address, the same port
  void limit(int highest);                  ///< from now on no TLS version above this one
  void stop();                              ///< connections are cut, new ones refused
  void start();                             ///< listens again, where it did before `stop`

  std::vector<Request> requests() const;
  std::vector<Visit> visits() const;
  std::size_t count(const std::string& host) const;  ///< requests for this host
  std::size_t connections() const;                   ///< accepted so far, whether the handshake worked or not

 private:
  struct Served {
    Site site;
    ContextPtr context;
  };
  static int choose_site(SSL* ssl, int* alert, void* self);
  void serve(Channel& channel);
  void talk(Channel& channel, Deadline began);
  void note_visit(const std::string& server_name, Deadline began, bool answered);
  bool reply(Channel& channel, const std::string& server_name, const std::string& line);
  void send_body(Channel& channel, const Site& site, const std::string& body);
  ContextPtr context_for(const std::string& pem) const;

  Watch& watch_;
  const std::string address_, fallback_;
  std::uint16_t port_;
  // below the watch's lock:
  std::map<std::string, Served> sites_;
  std::vector<Request> requests_;
  std::vector<Visit> visits_;
  std::size_t connections_ = 0;
  int highest_ = 0;
  ContextPtr context_;
  // the scenario's own thread only:
  std::vector<std::string> addresses_;
  std::vector<std::unique_ptr<Server>> servers_;
};

}  // namespace lab
