// Certificate authorities of the laboratory: they issue good certificates and every kind of bad one. Keys are made anew
// in each run, unless the laboratory's user wants one kept, and protect nothing; no certificate from here is ever
// trusted outside the laboratory.
#pragma once

#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

namespace lab {

using X509Ptr = std::shared_ptr<X509>;
using KeyPtr = std::shared_ptr<EVP_PKEY>;

struct Certificate {
  std::string path;   ///< PEM file in the authority's directory: chain and key
  std::string chain;  ///< PEM: what a server shows, leaf first
  std::string key;    ///< PEM
  X509Ptr x509;       ///< the leaf

  /// Writes chain and key to one more file. Throws std::runtime_error when it cannot.
  void write_pem(const std::string& file) const;
};

struct CertificateOptions {
  std::string common_name = {};  ///< empty: the first DNS name
  int days_from = -1;            ///< validity, in days from now
  int days_to = 30;
  bool self_signed = false;             ///< by its own key: the authority has no part in it
  int rsa_bits = 0;                     ///< 0: ECDSA P-256; 1024 is weak
  std::string extended_key_usage = {};  ///< as OpenSSL writes it: "serverAuth", "clientAuth"; empty: none
  int intermediates = 0;                ///< authorities between the root and this certificate
  bool leave_out_intermediates = false;
  std::vector<X509Ptr> appended = {};  ///< further certificates that the server shows, after all others
};

struct AuthorityOptions {
  int days_from = -30;  ///< validity of the root, in days from now
  int days_to = 3650;
  int rsa_bits = 0;       ///< 0: ECDSA P-256
  std::string kept = {};  ///< PEM file with root and key: read where it exists, else written; empty: never kept
};

/// A root and what it issues. A chain that ends in a root cross-signed by an expired one:
///
///   Authority old(directory, "Old Root", {.days_from = -3650, .days_to = -30}), root(directory, "Root X1");
///   root.issue({"mx.test"}, {.intermediates = 1, .appended = {root.cross_signed_by(old)}});
class Authority {
 public:
  /// `directory` exists and receives all files. Throws std::runtime_error with OpenSSL's words.
  Authority(std::string directory, std::string name, const AuthorityOptions& options = {});

  /// A server certificate for DNS names, octet for octet as given: wildcards, NULs and nonsense included.
  Certificate issue(const std::vector<std::string>& names, const CertificateOptions& options = {});
  /// This root's name and key in a certificate of `other`, valid as `other` is.
  X509Ptr cross_signed_by(const Authority& other) const;

  const std::string& path() const { return path_; }  ///< PEM file of the root: a trust store
  std::string pem() const;                           ///< the same as text
  const X509Ptr& root() const { return root_; }

 private:
  std::string file(const std::string& name) const;

  std::string directory_, name_, path_;
  AuthorityOptions options_;
  KeyPtr key_;
  X509Ptr root_;
  int count_ = 0;
};

}  // namespace lab
