// `config reference`, the sample file, made from the table of settings. Every setting stands there as a comment, so
// that the file changes nothing as it is and a later default is not frozen by it.
#include "proxy/config/settings.hpp"

namespace proxy {
namespace {

constexpr std::string_view introduction =
    "# sts-relay: every setting, with its default where it has one. Lines that begin with `#name =` are commented "
    "out:\n"
    "# take the # away to change one. File names are relative to this file. Durations: 500ms, 60s, 5m, 24h, 5d.\n"
    "# Sizes: 64KiB, 50MiB, or octets. `sts-relay config check --config FILE` says what is wrong, with its line.\n";

void write(std::string& text, const SettingTable& table) {
  text += '\n';
  if (!table.meaning.empty()) text += "# " + std::string(table.meaning) + '\n';
  if (!table.name.empty()) {
    const std::string name(table.name);
    text += (table.shown_as_comment ? "#" : "") + (table.repeated ? "[[" + name + "]]" : '[' + name + ']') + '\n';
  }
  for (const auto& setting : table.settings) {
    text += "# " + std::string(setting.meaning) + (setting.is_default ? "" : " Example:") + '\n';
    text += '#' + std::string(setting.name) + " = " + std::string(setting.shown) + '\n';
  }
}

}  // namespace

std::string config_reference() {
  std::string text(introduction);
  for (const auto& table : setting_tables()) write(text, table);
  return text;
}

}  // namespace proxy
