// SPDX-License-Identifier: Apache-2.0
#include "settings/secret.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "core/file.h"
#include "settings/expansion.h"

namespace vigile {

namespace {

constexpr std::size_t kLongestFile = std::size_t{64} << 10;
constexpr std::string_view kForms = "a secret is a text, {file: path} or {credential: name}";

class SecretReader {
 public:
  SecretReader(const YamlEntry& entry, ReadContext& context) : entry_(entry), context_(context) {}

  std::optional<std::string> read() {
    const YamlNode& node = entry_.value;
    if (node.kind == YamlNode::Kind::null) return fail(node.spot, "has no value; " + std::string(kForms));
    auto text = node.kind == YamlNode::Kind::scalar ? read_plain(node) : read_reference(node);
    // A newline could forge a header of a request.
    if (text && std::any_of(text->begin(), text->end(),
                            [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; })) {
      return fail(node.spot, "the secret holds a line break or another control character");
    }
    return text;
  }
  bool failed() const { return failed_; }

 private:
  std::nullopt_t fail(Spot spot, const std::string& message) {
    context_.diagnostics.error(spot, entry_.key.text + ": " + message);
    failed_ = true;
    return std::nullopt;
  }

  std::optional<std::string> read_plain(const YamlNode& node) {
    std::string text = node.text;
    if (context_.environment != nullptr) {
      auto expanded = expand(node.text, *context_.environment);
      if (!expanded) return fail(node.spot, expanded.error().message);
      text = *std::move(expanded);
    }
    if (text.empty()) return std::nullopt;
    if (node.text.find("${") == std::string::npos) context_.plain_secrets.push_back(node.spot);
    return text;
  }

  std::optional<std::string> read_reference(const YamlNode& node) {
    const bool is_map = node.kind == YamlNode::Kind::map && node.entries.size() == 1;
    const std::string_view form =
        is_map ? std::string_view(node.entries.front().key.text) : std::string_view();
    if (form != "file" && form != "credential") return fail(node.spot, std::string(kForms));
    const YamlNode& value = node.entries.front().value;
    if (value.kind != YamlNode::Kind::scalar) {
      return fail(value.spot, std::string(form) + " must be followed by a text");
    }
    auto text = expand(value.text, *context_.environment);
    if (!text) return fail(value.spot, text.error().message);
    if (text->empty()) return std::nullopt;
    // Messages name the path as it is written: a variable may hold the secret itself by mistake.
    return form == "file" ? read_file_at(value, *text) : read_credential(value, *text);
  }

  std::optional<std::string> read_credential(const YamlNode& written, const std::string& name) {
    const auto directory = (*context_.environment)("CREDENTIALS_DIRECTORY");
    if (!directory || directory->empty()) {
      return fail(written.spot,
                  "CREDENTIALS_DIRECTORY is not set: systemd sets it for LoadCredential= in the unit");
    }
    if (name.find('/') != std::string::npos || name == "." || name == "..") {
      return fail(written.spot, "a credential's name holds no \"/\"");
    }
    return read_content(written, std::filesystem::path(*directory) / name);
  }

  std::optional<std::string> read_file_at(const YamlNode& written, const std::filesystem::path& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) {
      if (!S_ISREG(status.st_mode)) return fail(written.spot, quote(written.text) + ": not a regular file");
      if ((status.st_mode & S_IROTH) != 0) {
        context_.diagnostics.warning(written.spot,
                                     entry_.key.text + ": " + quote(written.text) +
                                         " can be read by every user of this machine; chmod o-r it");
      }
    }
    return read_content(written, path);
  }

  std::optional<std::string> read_content(const YamlNode& written, const std::filesystem::path& path) {
    auto content = read_file(path, kLongestFile);
    if (!content) {
      std::string cause = content.error().message;
      if (cause.starts_with(path.native())) cause.erase(0, path.native().size());
      return fail(written.spot, quote(written.text) + cause);
    }
    if (content->ends_with('\n')) content->pop_back();
    if (content->ends_with('\r')) content->pop_back();
    if (content->empty()) return fail(written.spot, quote(written.text) + ": is empty");
    return *std::move(content);
  }

  const YamlEntry& entry_;
  ReadContext& context_;
  bool failed_ = false;
};

}  // namespace

std::optional<std::string> read_secret(const YamlEntry& entry, bool& failed, ReadContext& context) {
  SecretReader reader(entry, context);
  auto secret = reader.read();
  failed = failed || reader.failed();
  return secret;
}

}  // namespace vigile
