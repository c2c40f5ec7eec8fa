// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <optional>
#include <string_view>

#include "command_line/command_line.h"
#include "core/nearest.h"

namespace vigile {

namespace {

constexpr int kUsage = 2;

// The commands that were given, each within the one before.
std::vector<const CLI::App*> given(const CLI::App& app) {
  std::vector<const CLI::App*> chain = {&app};
  while (!chain.back()->get_subcommands().empty()) chain.push_back(chain.back()->get_subcommands().front());
  return chain;
}

std::string path(const std::vector<const CLI::App*>& chain) {
  std::string words;
  for (const CLI::App* app : chain) words += (words.empty() ? "" : " ") + app->get_name();
  return words;
}

void add_options(const CLI::App& app, std::vector<std::string>& names) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const CLI::App* group :
       app.get_subcommands([](const CLI::App* sub) { return sub->get_name().empty(); })) {
    add_options(*group, names);
  }
}

// Whatever begins with the word, else what is nearest to it.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& names) {
  const std::vector<std::string_view> views(names.begin(), names.end());
  std::string meant;
  for (const std::string_view name : views) {
    if (name.starts_with(word)) meant += (meant.empty() ? "\"" : " or \"") + std::string(name) + "\"";
  }
  if (const std::string_view near = nearest(word, views); meant.empty() && !near.empty())
    meant = "\"" + std::string(near) + "\"";
  return meant.empty() ? "" : "; did you mean " + meant + "?";
}

// Of the first word that nothing takes, which may also be why something else is missing.
std::optional<std::string> unknown_word(const CLI::App& app) {
  const std::vector<std::string> words = app.remaining(true);
  const auto word = std::find_if(words.begin(), words.end(), [](const auto& text) { return text != "--"; });
  if (word == words.end()) return std::nullopt;
  const auto chain = given(app);
  std::vector<std::string> names;
  if (word->starts_with('-')) {
    const std::string option = word->substr(0, word->find('='));
    for (const CLI::App* one : chain) {
      const std::size_t before = names.size();
      add_options(*one, names);
      if (std::find(names.begin() + static_cast<std::ptrdiff_t>(before), names.end(), option) != names.end())
        return "\"" + option + "\" is an option of " + one->get_name() + ": it goes behind that word";
    }
    return path(chain) + " has no option \"" + option + "\"" + did_you_mean(option, names);
  }
  for (const CLI::App* sub : chain.back()->get_subcommands([](const CLI::App*) { return true; })) {
    if (!sub->get_name().empty()) names.push_back(sub->get_name());
  }
  if (names.empty()) return path(chain) + " does not take \"" + *word + "\"";
  const std::string none = path(chain) + " has no command \"" + *word + "\"";
  return none + (*word == "help" ? "; did you mean \"--help\"?" : did_you_mean(*word, names));
}

// CLI11 says "Could not convert: --limit = x".
std::string in_words(const CLI::ParseError& error) {
  const std::string text = error.what();
  constexpr std::string_view kConversion = "Could not convert: ";
  const std::size_t equals = text.find(" = ");
  if (!text.starts_with(kConversion) || equals == std::string::npos) return text;
  return text.substr(kConversion.size(), equals - kConversion.size()) + ": \"" + text.substr(equals + 3) +
         "\" is no number";
}

}  // namespace

int answer_parse_error(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error);
  const std::string said = app.get_name() + ": " + unknown_word(app).value_or(in_words(error)) + "\n" +
                           path(given(app)) + " --help says what there is.\n";
  std::fwrite(said.data(), 1, said.size(), stderr);
  return kUsage;
}

}  // namespace vigile
