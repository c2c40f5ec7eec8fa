// SPDX-License-Identifier: Apache-2.0
#include "settings/include.h"

#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/file.h"
#include "core/nearest.h"
#include "settings/expansion.h"
#include "settings/merge.h"

namespace vigile {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargestFile = std::size_t{1} << 20;
constexpr std::size_t kDeepest = 8;
constexpr std::size_t kMostFiles = 64;

void set_file(YamlNode& node, int file) {
  node.spot.file = file;
  for (YamlNode& item : node.items) set_file(item, file);
  for (YamlEntry& entry : node.entries) {
    set_file(entry.key, file);
    set_file(entry.value, file);
  }
}

// A top-level key with its value, taken out; absent when it is not there. A second one is reported.
std::optional<YamlEntry> take(YamlNode& map, std::string_view key, Diagnostics& diagnostics) {
  std::optional<YamlEntry> taken;
  std::erase_if(map.entries, [&](YamlEntry& entry) {
    if (entry.key.text != key) return false;
    const Spot spot = entry.key.spot;
    if (taken) {
      diagnostics.error(spot, "duplicate key " + quote(key) + diagnostics.already(taken->key.spot, spot));
    } else {
      taken = std::move(entry);
    }
    return true;
  });
  return taken;
}

// Where glob(3) could not read, which goes on from there; it has no way to hand anything to its caller.
thread_local std::string unreadable;  // NOLINT: see above

int note_unreadable(const char* path, int error) {
  if (error != ENOENT) unreadable = errno_error(path, error).message;
  return 0;
}

std::optional<YamlNode> parse_file(std::string_view yaml, int file, Diagnostics& diagnostics) {
  auto parsed = parse_yaml(yaml);
  if (const auto* const error = std::get_if<YamlError>(&parsed)) {
    diagnostics.error({error->spot.line, error->spot.column, file}, error->message);
    return std::nullopt;
  }
  YamlNode tree = std::get<YamlNode>(std::move(parsed));
  set_file(tree, file);
  return tree;
}

class Includer {
 public:
  Includer(const EnvironmentLookup& environment, Diagnostics& diagnostics)
      : environment_(environment), diagnostics_(diagnostics) {}

  // `named` is where `file` was named; file -1: it is the first.
  YamlNode read(const fs::path& file, Spot named) {
    const auto complain = [&](const std::string& message) {
      is_whole_ = false;
      if (named.file < 0) {
        diagnostics_.error({}, message);
      } else {
        diagnostics_.error(named, "include: " + file.string() + ": " + message);
      }
      return YamlNode{};
    };
    std::error_code ignored;
    const fs::path whole = fs::weakly_canonical(file, ignored);
    if (std::find(chain_.begin(), chain_.end(), whole) != chain_.end()) {
      std::string through;
      for (const fs::path& one : chain_) through += one.string() + " -> ";
      return complain("includes itself: " + through + whole.string());
    }
    if (chain_.size() > kDeepest) return complain("more than 8 files deep");
    if (named.file >= 0 && diagnostics_.files().size() >= kMostFiles) return complain("more than 64 files");

    const int number = named.file < 0 ? 0 : diagnostics_.add_file(file.string());
    const auto text = read_settings_text(file);
    if (!text) {
      std::string message = text.error().message;
      const std::string path = file.string() + ": ";
      if (message.starts_with(path)) message.erase(0, path.size());
      return complain(message);
    }
    diagnostics_.set_readable_by_others(number, text->others_may_read);
    auto parsed = parse_file(text->content, number, diagnostics_);
    if (!parsed) {
      is_whole_ = false;
      return {};
    }
    YamlNode own = *std::move(parsed);
    const auto include = take(own, "include", diagnostics_);
    if (!include) return own;

    chain_.push_back(whole);
    YamlNode merged;
    for (const auto& [path, spot] : named_files(include->value, file.parent_path())) {
      merged = merge_settings(std::move(merged), read(path, spot));
    }
    chain_.pop_back();
    return merge_settings(std::move(merged), std::move(own));
  }

  bool is_whole() const { return is_whole_; }

 private:
  std::vector<std::pair<fs::path, Spot>> named_files(const YamlNode& value, const fs::path& folder) {
    std::vector<std::pair<fs::path, Spot>> files;
    std::vector<const YamlNode*> names;
    if (value.kind == YamlNode::Kind::scalar) names.push_back(&value);
    for (const YamlNode& item : value.items) names.push_back(&item);
    if (names.empty() && value.kind != YamlNode::Kind::list) {
      diagnostics_.error(value.spot, "include: expected a path, or a list of paths");
    }
    for (const YamlNode* const name : names) {
      const auto text = name->kind == YamlNode::Kind::scalar ? expand(name->text, environment_)
                                                             : Error{ErrorKind::config, "expected a path"};
      if (!text || text->empty()) {
        is_whole_ = false;
        diagnostics_.error(name->spot, "include: " + (text ? "expected a path" : text.error().message));
        continue;
      }
      const fs::path path = folder / *text;
      if (text->find_first_of("*?[") == std::string::npos) {
        files.emplace_back(path, name->spot);
        continue;
      }
      glob_t found{};
      unreadable.clear();
      if (::glob(path.c_str(), 0, &note_unreadable, &found) == 0) {  // sorted
        for (std::size_t i = 0; i < found.gl_pathc; ++i) files.emplace_back(found.gl_pathv[i], name->spot);
      }
      ::globfree(&found);
      if (!unreadable.empty()) {
        is_whole_ = false;
        diagnostics_.error(name->spot, "include: " + unreadable);
      }
    }
    return files;
  }

  const EnvironmentLookup& environment_;
  Diagnostics& diagnostics_;
  std::vector<fs::path> chain_;
  bool is_whole_ = true;
};

}  // namespace

Result<SettingsText> read_settings_text(const fs::path& file) {
  auto content = read_file(file, kLargestFile);
  if (!content) {
    if (content.error().kind != ErrorKind::full) return content.error();
    return Error{ErrorKind::full, file.string() + ": larger than 1 MiB"};
  }
  struct stat status {};
  const bool others_may_read = ::stat(file.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0;
  return SettingsText{std::move(*content), others_may_read};
}

std::optional<YamlNode> read_with_includes(const fs::path& file, const EnvironmentLookup& environment,
                                           Diagnostics& diagnostics) {
  Includer includer(environment, diagnostics);
  YamlNode tree = includer.read(file, {0, 0, -1});
  return includer.is_whole() ? std::optional(std::move(tree)) : std::nullopt;
}

std::optional<YamlNode> read_alone(std::string_view yaml, Diagnostics& diagnostics, int file) {
  if (yaml.size() > kLargestFile) {
    diagnostics.error({0, 0, file}, "larger than 1 MiB");
    return std::nullopt;
  }
  auto tree = parse_file(yaml, file, diagnostics);
  if (!tree) return std::nullopt;
  if (const auto include = take(*tree, "include", diagnostics)) {
    diagnostics.error(include->key.spot, "include: not here: only a settings file can include others");
  }
  return tree;
}

YamlNode with_device(YamlNode tree, std::string_view host, const EnvironmentLookup& environment,
                     std::span<const std::string_view> valid_keys, Diagnostics& diagnostics) {
  auto devices = take(tree, "devices", diagnostics);
  if (!devices || devices->value.kind == YamlNode::Kind::null) return tree;
  if (devices->value.kind != YamlNode::Kind::map) {
    diagnostics.error(devices->value.spot,
                      "devices: expected device: {…}, like press-07: {store: {max_size: 64MiB}}");
    return tree;
  }
  std::string device(host);
  for (const YamlEntry& entry : tree.entries) {
    if (entry.key.text != "device" || entry.value.kind != YamlNode::Kind::scalar) continue;
    const auto text =
        expand(entry.value.text, environment);  // what is wrong with it is reported where it is read
    if (text && !text->empty()) device = *text;
  }
  std::vector<std::string_view> seen;
  for (YamlEntry& entry : devices->value.entries) {
    const std::string& name = entry.key.text;
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      diagnostics.error(entry.key.spot, "devices: " + quote(name) + " is there twice");
      continue;
    }
    seen.push_back(name);
    if (entry.value.kind == YamlNode::Kind::null) continue;
    if (entry.value.kind != YamlNode::Kind::map) {
      diagnostics.error(entry.value.spot,
                        quote(name) + ": expected settings of this device, like {store: {max_size: 64MiB}}");
      continue;
    }
    for (const YamlEntry& setting : entry.value.entries) {
      const std::string& key = setting.key.text;
      if (key == "device" || key == "devices" || key == "include") {
        diagnostics.error(setting.key.spot, quote(key) + " cannot be different for one device");
      } else if (name != device && std::find(valid_keys.begin(), valid_keys.end(), key) == valid_keys.end()) {
        diagnostics.error(setting.key.spot,
                          "unknown key " + quote(key) + suggestion(key, valid_keys, "known"));
      }
    }
    if (name == device) tree = merge_settings(std::move(tree), entry.value);
  }
  return tree;
}

std::vector<std::string> devices_named(const YamlNode& tree) {
  std::vector<std::string> names;
  for (const YamlEntry& entry : tree.entries) {
    if (entry.key.text != "devices") continue;
    for (const YamlEntry& device : entry.value.entries) {
      if (std::find(names.begin(), names.end(), device.key.text) == names.end())
        names.push_back(device.key.text);
    }
  }
  return names;
}

}  // namespace vigile
