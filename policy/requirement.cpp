// Requirements and proofs in one word, for logs and plans; never compared by machines.
#include "policy/requirement.hpp"

#include "policy/proof.hpp"

namespace policy {

std::string words(const Requirement& need) {
  std::string text;
  const auto add = [&](std::string_view word) {
    if (!text.empty()) text += '+';
    text += word;
  };
  if (need.pkix) add("pkix");
  if (need.dane) add("dane");
  if (need.verified && text.empty()) add("verified");
  if (need.encrypted && text.empty()) add("encrypted");
  if (need.requiretls) add("requiretls");
  return text.empty() ? "none" : text;
}

std::string words(const Proof& proof) {
  if (!proof.encrypted) return "none";
  if (proof.dane == Check::passed) return "dane";
  return proof.pkix == Check::passed && proof.strong && !proof.resumed ? "pkix" : "encrypted";
}

}  // namespace policy
