// Keys, certificates and their extensions, through OpenSSL 3.
#include "tests/lab/authority.hpp"

#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace lab {
namespace {

[[noreturn]] void fail(const std::string& what) {
  char words[256];
  ERR_error_string_n(ERR_get_error(), words, sizeof words);
  throw std::runtime_error(what + ": " + words);
}

KeyPtr new_key(int rsa_bits) {
  EVP_PKEY* key = rsa_bits > 0 ? EVP_RSA_gen(static_cast<unsigned>(rsa_bits)) : EVP_EC_gen("P-256");
  if (key == nullptr) fail("key");
  return {key, EVP_PKEY_free};
}

std::string pem_of(X509* certificate) {
  const std::shared_ptr<BIO> out(BIO_new(BIO_s_mem()), BIO_free);
  if (PEM_write_bio_X509(out.get(), certificate) != 1) fail("certificate to PEM");
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string pem_of(EVP_PKEY* key) {
  const std::shared_ptr<BIO> out(BIO_new(BIO_s_mem()), BIO_free);
  if (PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) fail("key to PEM");
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) throw std::runtime_error("cannot write " + path);
}

/// A file of root and key, as `write_kept` has written it.
std::pair<X509Ptr, KeyPtr> read_kept(const std::string& path) {
  const std::shared_ptr<BIO> in(BIO_new_file(path.c_str(), "r"), BIO_free);
  if (!in) fail("cannot read " + path);
  X509Ptr root(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr), X509_free);
  KeyPtr key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  if (!root || !key) fail("no certificate and key in " + path);
  return {root, key};
}

/// For the owner's eyes: whoever has the key can pretend to be any host to those who trust this root.
void write_kept(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const bool written = file >= 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (file >= 0) ::close(file);
  if (!written) throw std::runtime_error("cannot write " + path);
}

/// Who signs: a certificate whose subject becomes the issuer, and its key.
struct Signer {
  X509* certificate;
  EVP_PKEY* key;
};

/// A certificate in the making.
class Draft {
 public:
  Draft(const std::string& common_name, EVP_PKEY* key) : draft_(X509_new(), X509_free) {
    X509_set_version(draft_.get(), X509_VERSION_3);
    unsigned char serial[8];
    RAND_bytes(serial, sizeof serial);
    serial[0] &= 0x7f;  // RFC 5280 §4.1.2.2: positive
    const std::shared_ptr<BIGNUM> number(BN_bin2bn(serial, sizeof serial, nullptr), BN_free);
    BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(draft_.get()));
    X509_set_pubkey(draft_.get(), key);
    if (X509_NAME_add_entry_by_txt(X509_get_subject_name(draft_.get()), "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(common_name.data()),
                                   static_cast<int>(common_name.size()), -1, 0) != 1) {
      fail("common name " + common_name);
    }
  }

  void valid(int days_from, int days_to) {
    constexpr long day = 24L * 60 * 60;
    X509_gmtime_adj(X509_getm_notBefore(draft_.get()), days_from * day);
    X509_gmtime_adj(X509_getm_notAfter(draft_.get()), days_to * day);
  }

  void names(const std::vector<std::string>& names) {
    if (names.empty()) return;
    const std::shared_ptr<GENERAL_NAMES> all(GENERAL_NAMES_new(), GENERAL_NAMES_free);
    for (const auto& name : names) {
      ASN1_IA5STRING* text = ASN1_IA5STRING_new();
      ASN1_STRING_set(text, name.data(), static_cast<int>(name.size()));
      GENERAL_NAME* entry = GENERAL_NAME_new();
      GENERAL_NAME_set0_value(entry, GEN_DNS, text);
      sk_GENERAL_NAME_push(all.get(), entry);
    }
    if (X509_add1_ext_i2d(draft_.get(), NID_subject_alt_name, all.get(), 0, X509V3_ADD_DEFAULT) != 1) fail("names");
  }

  void extension(X509* issuer, int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, draft_.get(), nullptr, nullptr, 0);
    X509V3_set_ctx_nodb(&context);
    X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    if (made == nullptr) fail("extension " + value);
    X509_add_ext(draft_.get(), made, -1);
    X509_EXTENSION_free(made);
  }

  /// Adds what every certificate of this kind has, and signs.
  X509Ptr sign(bool is_authority, const Signer& by) {
    extension(by.certificate, NID_basic_constraints, is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (is_authority) extension(by.certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
    extension(by.certificate, NID_subject_key_identifier, "hash");
    if (by.certificate != draft_.get()) extension(by.certificate, NID_authority_key_identifier, "keyid");
    X509_set_issuer_name(draft_.get(), X509_get_subject_name(by.certificate));
    if (X509_sign(draft_.get(), by.key, EVP_sha256()) == 0) fail("signature");
    return draft_;
  }
  X509Ptr sign_by_itself(bool is_authority, EVP_PKEY* key) { return sign(is_authority, {draft_.get(), key}); }

 private:
  X509Ptr draft_;
};

}  // namespace

void Certificate::write_pem(const std::string& file) const {
  write_file(file, chain + key);
}

Authority::Authority(std::string directory, std::string name, const AuthorityOptions& options)
    : directory_(std::move(directory)), name_(std::move(name)), options_(options) {
  if (!options.kept.empty() && std::ifstream(options.kept).good()) {
    std::tie(root_, key_) = read_kept(options.kept);
  } else {
    key_ = new_key(options.rsa_bits);
    Draft draft(name_, key_.get());
    draft.valid(options.days_from, options.days_to);
    root_ = draft.sign_by_itself(true, key_.get());
    if (!options.kept.empty()) write_kept(options.kept, pem() + pem_of(key_.get()));
  }
  path_ = file("root");
  write_file(path_, pem());
}

std::string Authority::file(const std::string& name) const {
  std::string result = name_ + "-" + name + ".pem";
  for (char& c : result) {
    if (c == ' ' || c == '/') c = '-';
  }
  return directory_ + "/" + result;
}

std::string Authority::pem() const {
  return pem_of(root_.get());
}

Certificate Authority::issue(const std::vector<std::string>& names, const CertificateOptions& options) {
  std::string above;  // PEM of the intermediates, the nearest to the leaf first
  X509Ptr issuer = root_;
  KeyPtr issuer_key = key_;
  for (int i = 1; i <= options.intermediates; ++i) {
    const KeyPtr key = new_key(0);
    Draft draft(name_ + " intermediate " + std::to_string(i), key.get());
    draft.valid(options_.days_from, options_.days_to);
    issuer = draft.sign(true, {issuer.get(), issuer_key.get()});
    issuer_key = key;
    above.insert(0, pem_of(issuer.get()));
  }

  std::string common_name = options.common_name;
  if (common_name.empty()) common_name = names.empty() ? "none" : names.front().substr(0, ub_common_name);
  const KeyPtr key = new_key(options.rsa_bits);
  Draft draft(common_name, key.get());
  draft.valid(options.days_from, options.days_to);
  draft.names(names);
  if (!options.extended_key_usage.empty()) {
    draft.extension(issuer.get(), NID_ext_key_usage, options.extended_key_usage);
  }

  Certificate result;
  result.x509 = options.self_signed ? draft.sign_by_itself(false, key.get())
                                    : draft.sign(false, {issuer.get(), issuer_key.get()});
  result.key = pem_of(key.get());
  result.chain = pem_of(result.x509.get());
  if (!options.self_signed && !options.leave_out_intermediates) result.chain += above;
  for (const auto& certificate : options.appended) result.chain += pem_of(certificate.get());
  result.path = file(std::to_string(++count_));
  result.write_pem(result.path);
  return result;
}

X509Ptr Authority::cross_signed_by(const Authority& other) const {
  Draft draft(name_, key_.get());
  draft.valid(other.options_.days_from, other.options_.days_to);
  return draft.sign(true, {other.root_.get(), other.key_.get()});
}

}  // namespace lab
