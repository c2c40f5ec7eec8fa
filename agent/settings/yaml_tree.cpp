// SPDX-License-Identifier: Apache-2.0
#include "settings/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include "settings/slips.h"

namespace vigile {

namespace {

constexpr std::size_t kDeepest = 32;
constexpr std::size_t kMostNodes = 100'000;
constexpr const char* kTooMany = "more than 100000 values; aliases count for what they stand for";

// Turns yaml-cpp's marks, which count bytes from 0, into spots.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {
    starts_.push_back(0);
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') starts_.push_back(i + 1);
    }
  }

  Spot spot(const YAML::Mark& mark) const {
    if (mark.line < 0) return {};
    const std::size_t line = std::min<std::size_t>(mark.line, starts_.size() - 1);
    return spot_of(std::min(starts_[line] + static_cast<std::size_t>(mark.column), text_.size()), line);
  }

  // Where the line's indentation has a tab, if it has.
  std::optional<Spot> tab_in_indentation(const YAML::Mark& mark) const {
    if (mark.line < 0 || static_cast<std::size_t>(mark.line) >= starts_.size()) return std::nullopt;
    const std::size_t tab = text_.find_first_not_of(' ', starts_[mark.line]);
    if (tab == std::string_view::npos || text_[tab] != '\t') return std::nullopt;
    return spot_of(tab, mark.line);
  }

  // Without its end; empty when there is none.
  std::string_view line(int number) const {
    if (number < 0 || static_cast<std::size_t>(number) >= starts_.size()) return {};
    const std::size_t start = starts_[static_cast<std::size_t>(number)];
    return text_.substr(start, text_.find_first_of("\r\n", start) - start);
  }

  Spot spot(std::size_t offset) const {
    const auto after = std::upper_bound(starts_.begin(), starts_.end(), offset);
    return spot_of(offset, static_cast<std::size_t>(after - starts_.begin()) - 1);
  }

  std::size_t offset(const YAML::Mark& mark) const {
    const std::size_t line = std::min<std::size_t>(mark.line, starts_.size() - 1);
    return std::min(starts_[line] + static_cast<std::size_t>(mark.column), text_.size());
  }

 private:
  Spot spot_of(std::size_t offset, std::size_t line) const {
    // Counts on, or back, from the last place asked for: a file may be one line of a megabyte.
    if (line != last_line_) {
      last_line_ = line;
      last_offset_ = starts_[line];
      last_column_ = 1;
    }
    for (; last_offset_ < offset; ++last_offset_) {
      if (begins_character(last_offset_)) ++last_column_;
    }
    while (last_offset_ > offset) {
      if (begins_character(--last_offset_)) --last_column_;
    }
    return {static_cast<int>(line) + 1, last_column_};
  }

  bool begins_character(std::size_t offset) const {
    return (static_cast<unsigned char>(text_[offset]) & 0xC0U) != 0x80U;
  }

  const std::string_view text_;
  std::vector<std::size_t> starts_;
  mutable std::size_t last_line_ = 0;
  mutable std::size_t last_offset_ = 0;
  mutable int last_column_ = 1;
};

// Length of the UTF-8 sequence at the front of `text` (RFC 3629), 0 when there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xC2 && first < 0xE0   ? 2
                             : first >= 0xE0 && first < 0xF0 ? 3
                             : first >= 0xF0 && first < 0xF5 ? 4
                                                             : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  }
  const bool overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool outside = (first == 0xED && byte(1) >= 0xA0) || (first == 0xF4 && byte(1) >= 0x90);
  return overlong || outside ? 0 : length;
}

// yaml-cpp guesses UTF-16 and UTF-32 and replaces what it cannot decode: neither is wanted here.
std::optional<YamlError> check_characters(std::string_view text, const Lines& lines) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool control = (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7F;
    const std::size_t length = utf8_length(text.substr(i));
    if (control) return YamlError{lines.spot(i), "a control character; settings are plain text"};
    if (length == 0) return YamlError{lines.spot(i), "a byte that is not UTF-8; save the file as UTF-8"};
    i += length;
  }
  return std::nullopt;
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, const Lines& lines) : text_(text), lines_(lines) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) fail(mark, "a second document begins here; a settings file holds one");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node;
    node.spot = lines_.spot(mark);
    add(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (error) return;
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) return fail(mark, "an alias inside the value that it stands for");
    nodes_ += found->second.nodes + 1;
    if (nodes_ > kMostNodes) return fail(mark, kTooMany);
    if (open_.size() + found->second.height > kDeepest) return fail(mark, "nested too deeply");
    grow(found->second.height);
    place(YamlNode(found->second.node));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (!check_tag(mark, tag)) return;
    if (tag == "!" && !quote_closes(lines_.offset(mark))) return fail(mark, "a quote that is never closed");
    YamlNode node;
    node.kind = YamlNode::Kind::scalar;
    node.spot = lines_.spot(mark);
    node.text = value;
    add(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    open(mark, tag, anchor, YamlNode::Kind::list, style);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    open(mark, tag, anchor, YamlNode::Kind::map, style);
  }
  void OnMapEnd() override { close(); }

  // The innermost { or [ that is not closed yet.
  std::optional<Spot> open_bracket() const {
    for (auto level = open_.rbegin(); level != open_.rend(); ++level) {
      if (level->bracketed) return level->node.spot;
    }
    return std::nullopt;
  }

  YamlNode root;
  std::optional<YamlError> error;  // once set, all further events are ignored

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor;
    std::size_t nodes_before;
    bool bracketed;
    std::size_t height = 1;
    bool key_waits = false;
  };
  struct Anchored {
    YamlNode node;
    std::size_t nodes;
    std::size_t height;
  };

  void fail(const YAML::Mark& mark, std::string message) {
    if (!error) error = YamlError{lines_.spot(mark), std::move(message)};
  }

  bool check_tag(const YAML::Mark& mark, const std::string& tag) {
    if (error) return false;
    if (tag.empty() || tag == "?" || tag == "!") return true;
    fail(mark, "YAML tags (!…) have no meaning in settings");
    return false;
  }

  // yaml-cpp takes the end of the text for the closing quote.
  bool quote_closes(std::size_t offset) const {
    // An anchor or "!" may stand before the quote: then the mark is its place.
    while (offset < text_.size() && (text_[offset] == '&' || text_[offset] == '!')) {
      offset = text_.find_first_not_of(" \t\r\n", text_.find_first_of(" \t\r\n", offset));
    }
    if (offset >= text_.size()) return true;
    const char quote = text_[offset];
    if (quote != '\'' && quote != '"') return true;
    for (std::size_t i = offset + 1; i < text_.size(); ++i) {
      if (quote == '"' && text_[i] == '\\') {
        ++i;
      } else if (text_[i] == quote) {
        if (quote == '"' || i + 1 == text_.size() || text_[i + 1] != '\'') return true;
        ++i;
      }
    }
    return false;
  }

  void add(YamlNode node, YAML::anchor_t anchor) {
    if (error) return;
    if (++nodes_ > kMostNodes) {
      error = YamlError{node.spot, kTooMany};
      return;
    }
    if (anchor != YAML::NullAnchor) anchors_[anchor] = Anchored{node, 1, 0};
    place(std::move(node));
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind,
            YAML::EmitterStyle::value style) {
    if (!check_tag(mark, tag)) return;
    if (open_.size() >= kDeepest) return fail(mark, "nested too deeply");
    if (++nodes_ > kMostNodes) return fail(mark, kTooMany);
    Open& level = open_.emplace_back(Open{{}, anchor, nodes_ - 1, style == YAML::EmitterStyle::Flow});
    level.node.kind = kind;
    level.node.spot = lines_.spot(mark);
  }

  void close() {
    if (error) return;
    Open level = std::move(open_.back());
    open_.pop_back();
    if (level.anchor != YAML::NullAnchor) {
      const std::size_t nodes = nodes_ - level.nodes_before;
      anchors_[level.anchor] = Anchored{level.node, nodes, level.height};
      nodes_ += nodes;  // the copy takes room too
    }
    grow(level.height);
    place(std::move(level.node));
  }

  // The innermost open value holds one of `height` levels.
  void grow(std::size_t height) {
    if (!open_.empty()) open_.back().height = std::max(open_.back().height, height + 1);
  }

  void place(YamlNode node) {
    if (open_.empty()) {
      root = std::move(node);
      return;
    }
    Open& level = open_.back();
    if (level.node.kind == YamlNode::Kind::list) {
      level.node.items.push_back(std::move(node));
    } else if (!level.key_waits) {
      level.node.entries.push_back({std::move(node), {}});
      level.key_waits = true;
    } else {
      YamlEntry& entry = level.node.entries.back();
      if (node.kind == YamlNode::Kind::null) node.spot = entry.key.spot;
      entry.value = std::move(node);
      level.key_waits = false;
    }
  }

  const std::string_view text_;
  const Lines& lines_;
  int documents_ = 0;
  std::size_t nodes_ = 0;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Anchored> anchors_;
};

struct Wording {
  std::string_view library;  // how its message begins
  std::string_view ours;
};
constexpr Wording kWordings[] = {
    {"end of map not found", "the map ends wrongly: check the indentation, or a missing \":\""},
    {"end of map flow not found", "a \"{\" without its \"}\", or a missing \",\""},
    {"end of sequence not found", "the list ends wrongly: check the indentation of its \"-\""},
    {"end of sequence flow not found", "a \"[\" without its \"]\", or a missing \",\""},
    {"illegal tab", "a tab in the indentation; use spaces"},
    {"illegal block entry", "a \"-\" that cannot stand here: check the indentation (spaces, no tabs)"},
    {"illegal map key", "a key that cannot stand here: check the indentation"},
    {"illegal map value",
     "a \":\" that cannot stand here: quote the text that holds it, or check the indentation"},
    {"illegal flow end", "a closing bracket without its opening one"},
    {"the referenced anchor", "an alias (*name) of an anchor (&name) that is not defined"},
    {"unknown escape character", "an unknown escape in a \"…\" text; write \\\\ for a backslash"},
    {"invalid unicode", "an escape that is no character"},
    {"bad character found while scanning hex", "an escape that is no hexadecimal number"},
    {"illegal EOF in scalar", "a quote that is never closed"},
    {"bad file", "nested too deeply"},
    {"unknown token", "a character that cannot begin a value; quote the text"},
};

YamlError syntax_error(const YAML::Exception& caught, const TreeBuilder& builder, const Lines& lines) {
  if (const auto tab = lines.tab_in_indentation(caught.mark)) {
    return YamlError{*tab, "a tab in the indentation; use spaces"};
  }
  // Only yaml-cpp's fixed words: what it appends may be part of a secret.
  std::string message = "not valid YAML: " + caught.msg.substr(0, caught.msg.find(':'));
  for (const Wording& wording : kWordings) {
    if (caught.msg.starts_with(wording.library)) message = wording.ours;
  }
  const auto bracket = builder.open_bracket();
  // Where the reader gave up, and the line before: what is wrong there shows only at the next colon.
  std::string slip = slip_in_line(lines.line(caught.mark.line), bracket.has_value());
  if (slip.empty()) slip = slip_in_line(lines.line(caught.mark.line - 1), bracket.has_value());
  if (bracket && caught.msg.find("flow not found") != std::string::npos) {
    message += "; it was opened at " + std::to_string(bracket->line) + ":" + std::to_string(bracket->column);
  }
  return YamlError{lines.spot(caught.mark), message + slip};
}

}  // namespace

std::variant<YamlNode, YamlError> parse_yaml(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const Lines lines(text);
  if (auto error = check_characters(text, lines)) return *std::move(error);
  TreeBuilder builder(text, lines);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    // Asked once more after the first document: a text like "," would give documents for ever.
    if (parser.HandleNextDocument(builder)) parser.HandleNextDocument(builder);
  } catch (const YAML::Exception& caught) {
    if (!builder.error) return syntax_error(caught, builder, lines);
  } catch (const std::exception& caught) {
    return YamlError{{}, std::string("not valid YAML: ") + caught.what()};
  }
  if (builder.error) return *std::move(builder.error);
  return std::move(builder.root);
}

}  // namespace vigile
