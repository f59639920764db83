// What is wrong with a certificate, for people and as policy::CertificateFault. Everything that a peer wrote into its
// certificate comes out bounded and printable.
#pragma once

#include <openssl/x509.h>

#include <chrono>
#include <string>

#include "policy/proof.hpp"
#include "proxy/tls/verify.hpp"

namespace proxy {

/// From X509_V_ERR_... to the vocabulary without OpenSSL.
policy::CertificateFault fault_of(int error);

/// The first fault by precedence; none for a verification without faults.
policy::CertificateFault first_fault(const Faults& faults);

/// Every fault once, by precedence: "certificate expired 2026-10-01; key too weak". `chain`: as verified, leaf first;
/// may be null. `host`: whose certificate was expected.
std::string fault_words(const Faults& found, const STACK_OF(X509) * chain, const std::string& host);

/// "R11 (Let's Encrypt)": common name and organisation, whichever there is.
std::string short_name(const X509_NAME* name);

std::chrono::system_clock::time_point time_of(const ASN1_TIME* time);

}  // namespace proxy
