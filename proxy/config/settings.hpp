// The one table of settings: parser, unknown-key check, suggestions, reference and sample file are all made from it.
// What is not in this table does not exist.
#pragma once

#include <span>
#include <string_view>

#include "proxy/config/draft.hpp"

namespace proxy {

struct Setting {
  std::string_view name;
  std::string_view shown;    ///< the default as TOML, or an example where there is none
  bool is_default;           ///< whether `shown` is the default
  std::string_view meaning;  ///< one line or more, for the reference
  void (*apply)(Draft& draft, const DocumentValue& value);
};

struct SettingTable {
  std::string_view name;  ///< empty: the keys before the first table
  bool repeated;          ///< [[name]]
  bool shown_as_comment;  ///< its header would change something by being there
  std::string_view meaning;
  std::span<const Setting> settings;
};

std::span<const SettingTable> setting_tables();

/// Checks that look at more than one setting, and the defaults that depend on others; after all values were taken.
void finish(Draft& draft);

}  // namespace proxy
