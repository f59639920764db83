// From a document to a configuration: each key is looked up in the table of settings; what is not there is an error
// that names the nearest known key.
#include <algorithm>
#include <tuple>

#include "protocol/base/text.hpp"
#include "proxy/config/settings.hpp"
#include "proxy/config/values.hpp"

namespace proxy {
namespace {

// A file beyond this is no configuration.
constexpr std::size_t greatest_file = 1u << 20;

std::string header(const SettingTable& table) {
  if (table.name.empty()) return "before the first table";
  return table.repeated ? "in [[" + std::string(table.name) + "]]" : "in [" + std::string(table.name) + ']';
}

std::string did_you_mean(std::string_view nearest) {
  return nearest.empty() ? std::string() : ", did you mean `" + std::string(nearest) + "`?";
}

void unknown_key(Draft& draft, const SettingTable& table, const DocumentEntry& entry) {
  Nearest nearest(entry.key);
  for (const auto& setting : table.settings) nearest.consider(setting.name);
  auto words = "unknown key `" + base::printable(entry.key, 60) + "` " + header(table);
  if (!nearest.best().empty()) {
    words += did_you_mean(nearest.best());
  } else {
    words += ", expected";
    for (const auto& setting : table.settings)
      words += (&setting == table.settings.data() ? " " : ", ") + std::string(setting.name);
  }
  draft.fail(entry.line, std::move(words));
}

void take_entry(Draft& draft, const SettingTable& table, const DocumentEntry& entry) {
  const auto setting =
      std::find_if(table.settings.begin(), table.settings.end(), [&](const auto& s) { return s.name == entry.key; });
  if (setting == table.settings.end()) return unknown_key(draft, table, entry);
  draft.begin(setting->name);
  setting->apply(draft, entry.value);
}

void take_table(Draft& draft, const SettingTable& table, const DocumentValue& value, int line) {
  if (value.kind != DocumentValue::Kind::table) {
    return draft.fail(
        line, "`" + std::string(table.name) + "` is " + std::string(words(value.kind)) + ", expected a table: " +
                  (table.repeated ? "[[" + std::string(table.name) + "]]" : '[' + std::string(table.name) + ']'));
  }
  if (table.name == "listener") {
    draft.config.listeners.emplace_back().line = line;
    draft.listeners_given.push_back({.table = line});
  } else if (table.name == "destination") {
    draft.config.destinations.emplace_back();
    draft.destinations_given.push_back({.table = line});
  } else if (table.name == "lab") {
    draft.config.lab.set = true;
    draft.warn(line, "the [lab] table is set: ports and loopback rules are a laboratory's, not the Internet's");
  }
  for (const auto& entry : value.entries) take_entry(draft, table, entry);
}

void unknown_table(Draft& draft, const DocumentEntry& entry) {
  Nearest nearest(entry.key);
  for (const auto& table : setting_tables()) nearest.consider(table.name);
  draft.fail(entry.line, "unknown table `" + base::printable(entry.key, 60) + '`' +
                             (nearest.best().empty() ? ", `sts-relay config reference` shows those that there are"
                                                     : did_you_mean(nearest.best())));
}

/// [name] or [[name]]
bool is_table(const DocumentValue& value) {
  const auto& inner = value.kind == DocumentValue::Kind::array && !value.items.empty() ? value.items[0] : value;
  return inner.kind == DocumentValue::Kind::table;
}

void take_root_entry(Draft& draft, const DocumentEntry& entry) {
  const auto tables = setting_tables();
  const auto table = std::find_if(tables.begin() + 1, tables.end(), [&](const auto& t) { return t.name == entry.key; });
  const auto& value = entry.value;
  if (table != tables.end()) {
    if (!table->repeated || value.kind != DocumentValue::Kind::array) {
      if (table->repeated && value.kind == DocumentValue::Kind::table) {
        return draft.fail(entry.line, "[" + entry.key + "] may stand more than once, expected [[" + entry.key + "]]");
      }
      return take_table(draft, *table, value, entry.line);
    }
    for (const auto& item : value.items) take_table(draft, *table, item, item.line);
  } else if (is_table(value)) {
    unknown_table(draft, entry);
  } else {
    take_entry(draft, tables[0], entry);
  }
}

}  // namespace

LoadedConfig parse_config(std::string_view text, const std::string& file, const std::string& directory,
                          bool check_files, PreloadFaults preload) {
  Draft draft(file, directory, check_files);
  if (text.size() > greatest_file) {
    draft.fail(0, "is larger than 1 MiB, expected a configuration");
  } else if (const auto document = read_document(text); document.error_line != 0) {
    draft.fail(document.error_line, "not TOML: " + document.error);
  } else {
    for (const auto& entry : document.root.entries) take_root_entry(draft, entry);
    finish(draft);
  }
  for (const auto& fault : draft.preload_faults) {
    if (preload == PreloadFaults::refuse) {
      draft.errors.push_back(fault);
    } else {
      draft.warnings.push_back(message(fault) + "; it was left out");
    }
  }
  std::sort(draft.errors.begin(), draft.errors.end(),
            [](const auto& a, const auto& b) { return std::tie(a.line, a.words) < std::tie(b.line, b.words); });
  return {std::move(draft.config), std::move(draft.errors), std::move(draft.warnings)};
}

}  // namespace proxy
