// Two header fields as text. Never invents a From: who wrote the message is not the relay's to say.
#include "protocol/mime/missing_fields.hpp"

namespace mime {

std::string missing_fields(const HeaderScanner& header, base::Time now, std::string_view id,
                           std::string_view hostname) {
  if (!header.complete()) return {};
  std::string lines;
  if (!header.fields().date) lines += "Date: " + base::rfc5322(now) + "\r\n";
  if (!header.fields().message_id) {
    lines.append("Message-ID: <").append(id).append("@").append(hostname).append(">\r\n");  // RFC 5322 §3.6.4
  }
  return lines;
}

}  // namespace mime
