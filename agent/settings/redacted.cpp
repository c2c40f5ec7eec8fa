// SPDX-License-Identifier: Apache-2.0
#include "settings/redacted.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "settings/diagnostics.h"
#include "settings/include.h"
#include "settings/keys.h"
#include "settings/yaml_tree.h"

namespace vigile {

namespace {

using Json = nlohmann::ordered_json;
using Kind = YamlNode::Kind;

constexpr std::size_t kShortestSecret = 6;
constexpr const char* kHidden = "***";

using Names = std::set<std::string, std::less<>>;

void add_secret_names(std::span<const OptionSpec> table, Names& names) {
  for (const OptionSpec& spec : table) {
    if (spec.secret) names.emplace(spec.name);
    add_secret_names(spec.columns, names);
  }
}

Names secret_names(const SettingsCatalog& catalog) {
  Names names(kMayHoldSecrets.begin(), kMayHoldSecrets.end());
  for (const DriverKind& driver : catalog.drivers) add_secret_names(driver.table.options, names);
  for (const OptionTable& sink : catalog.sinks) add_secret_names(sink.options, names);
  add_secret_names(api_keys(), names);
  add_secret_names(remote_keys(), names);
  return names;
}

// ${NAME}, without a default.
bool is_variable(std::string_view text) {
  return text.starts_with("${") && text.ends_with("}") &&
         text.find_first_of(":$", 1) == std::string_view::npos;
}

// Passwords and tokens in a URL.
void add_url_secrets(std::string_view text, std::vector<std::string>& secrets) {
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) return;
  const std::size_t at = text.rfind('@');
  if (at != std::string_view::npos && at > scheme) {
    const std::string_view user = text.substr(scheme + 3, at - scheme - 3);
    if (const std::size_t colon = user.find(':'); colon != std::string_view::npos)
      secrets.emplace_back(user.substr(colon + 1));
  }
  std::size_t begin = text.find('?', scheme);
  while (begin != std::string_view::npos) {
    const std::size_t end = text.find('&', begin + 1);
    const std::string_view pair =
        text.substr(begin + 1, end == std::string_view::npos ? end : end - begin - 1);
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && names_a_secret(pair.substr(0, equals)))
      secrets.emplace_back(pair.substr(equals + 1));
    begin = end;
  }
}

// A settings tree as JSON, without its secrets, which it gathers.
class Redaction {
 public:
  explicit Redaction(const Names& secret_names) : secret_names_(secret_names) {}

  std::vector<std::string> hidden;

  Json shown(const YamlNode& node, bool secret) {
    switch (node.kind) {
      case Kind::null:
        return nullptr;
      case Kind::scalar:
        return scalar(node.text, secret);
      case Kind::list: {
        Json list = Json::array();
        bool after_secret = false;  // [--token, abc]
        for (const YamlNode& item : node.items) {
          list.push_back(shown(item, secret || after_secret));
          after_secret = item.kind == Kind::scalar && announces_a_secret(item.text);
        }
        return list;
      }
      case Kind::map: {
        Json map = Json::object();
        for (const YamlEntry& entry : node.entries) {
          const std::string& key = entry.key.text;
          const bool is_reference = secret && (key == "file" || key == "credential");
          const bool is_hidden =
              !is_reference && (secret || secret_names_.contains(key) || names_a_secret(key));
          map[mask_credentials(key)] = shown(entry.value, is_hidden);
        }
        return map;
      }
    }
    return nullptr;
  }

 private:
  Json scalar(const std::string& text, bool secret) {
    if (is_variable(text)) return text;
    if (secret) return hide(text);
    add_url_secrets(text, hidden);
    if (const auto value = secret_in_argument(text))
      return text.substr(0, text.size() - value->size()) + hide(std::string(*value));
    return mask_credentials(text);
  }

  std::string hide(const std::string& text) {
    hidden.push_back(text);
    return kHidden;
  }

  const Names& secret_names_;
};

void add_values(std::span<const OptionSpec> table, const Options& options,
                std::vector<std::string>& secrets) {
  for (const OptionSpec& spec : table) {
    if (!options.has(spec.name)) continue;
    if (spec.type == OptionType::rows) {
      for (const Options& row : options.rows(spec.name)) add_values(spec.columns, row, secrets);
    }
    if (spec.type == OptionType::text) {
      const std::string& text = options.text(spec.name);
      if (spec.secret) secrets.push_back(text);
      add_url_secrets(text, secrets);
    }
    if (spec.type == OptionType::map && spec.secret) {
      for (const auto& [key, value] : options.map(spec.name)) secrets.push_back(value);
    }
  }
}

std::string percent_encoded(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  return out;
}

std::string base64(std::string_view text) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int held = 0;
  for (const char c : text) {
    bits = bits << 8U | static_cast<unsigned char>(c);
    for (held += 8; held >= 6; held -= 6) out += kDigits[bits >> unsigned(held - 6) & 63U];
  }
  if (held > 0) out += kDigits[bits << unsigned(6 - held) & 63U];
  return out;  // without padding: what follows may change it
}

void replace_all(std::string& text, const std::string& what) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += 3)
    text.replace(at, what.size(), kHidden);
}

}  // namespace

std::vector<RedactedFile> redacted_settings(const std::vector<std::string>& files,
                                            const SettingsCatalog& catalog) {
  const Names secrets = secret_names(catalog);
  std::vector<RedactedFile> redacted;
  for (const std::string& file : files) {
    const auto text = read_settings_text(file);
    if (!text) {
      redacted.push_back({file, "# cannot be read: " + text.error().message + "\n", {}});
      continue;
    }
    const auto tree = parse_yaml(text->content);
    if (const auto* const error = std::get_if<YamlError>(&tree)) {
      redacted.push_back({file, "# left out, for it is no YAML: line " + std::to_string(error->spot.line) +
                                    ": " + error->message + "\n"});
      continue;
    }
    Redaction redaction(secrets);
    const Json json = redaction.shown(*std::get_if<YamlNode>(&tree), false);
    redacted.push_back(
        {file, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n", std::move(redaction.hidden)});
  }
  return redacted;
}

std::vector<std::string> secrets_of(const Settings& settings, const SettingsCatalog& catalog) {
  std::vector<std::string> secrets = {settings.api.token};
  if (settings.remote) {
    secrets.push_back(settings.remote->password);
    add_url_secrets(settings.remote->url, secrets);
  }
  for (const EquipmentSettings& equipment : settings.equipment) {
    for (const DriverSettings& driver : equipment.drivers) {
      for (const DriverKind& kind : catalog.drivers) {
        if (kind.table.kind == driver.driver) add_values(kind.table.options, driver.options, secrets);
      }
    }
  }
  for (const SinkSettings& sink : settings.sinks) {
    for (const OptionTable& kind : catalog.sinks) {
      if (kind.kind == sink.kind) add_values(kind.options, sink.options, secrets);
    }
  }
  return secrets;
}

std::string without_secrets(std::string text, std::vector<std::string> secrets) {
  std::erase_if(secrets, [](const std::string& secret) { return secret.size() < kShortestSecret; });
  // A secret that begins with another one goes first.
  std::sort(secrets.begin(), secrets.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
  for (const std::string& secret : secrets) {
    replace_all(text, secret);
    replace_all(text, percent_encoded(secret));
    replace_all(text, base64(secret));
  }
  return text;
}

std::string without_unit_values(const std::string& unit) {
  std::istringstream lines(unit);
  std::string shown;
  bool goes_on = false;  // a line that ends with a backslash
  for (std::string line; std::getline(lines, line);) {
    const std::string_view text =
        std::string_view(line).substr(std::min(line.find_first_not_of(" \t"), line.size()));
    const bool begins = text.starts_with("Environment=") || text.starts_with("SetCredential");
    const bool hidden = begins || goes_on;
    goes_on = hidden && line.ends_with("\\");
    shown += !hidden ? line : begins ? std::string(text.substr(0, text.find('=') + 1)) + kHidden : kHidden;
    shown += '\n';
  }
  return shown;
}

}  // namespace vigile
