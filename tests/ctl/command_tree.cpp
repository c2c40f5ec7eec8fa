// SPDX-License-Identifier: Apache-2.0
#include "command_tree.h"

#include <algorithm>
#include <functional>
#include <sstream>

namespace vigile {

namespace {

std::string first_word(const std::string& path) {
  return path.substr(0, path.find(' '));
}

std::string last_word(const std::string& path) {
  return path.substr(path.rfind(' ') + 1);
}

// CLI11 shows the values of one_of() as "TEXT:{a,b}".
std::vector<std::string> choices_of(const std::string& type) {
  std::vector<std::string> choices;
  const std::size_t begin = type.find('{');
  const std::size_t end = type.find('}');
  if (begin == std::string::npos || end == std::string::npos) return choices;
  std::istringstream list(type.substr(begin + 1, end - begin - 1));
  for (std::string choice; std::getline(list, choice, ',');) choices.push_back(choice);
  return choices;
}

void add_options(const CLI::App& app, std::vector<TreeOption>& options) {
  for (const CLI::Option* option : app.get_options()) {
    TreeOption one;
    for (const std::string& name : option->get_snames()) one.names.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) one.names.push_back("--" + name);
    if (option->get_positional()) one.positional = option->get_name(true, false);
    if (option->get_items_expected_max() > 0) {
      const std::string type = option->get_type_name();
      one.choices = choices_of(type);
      one.value = one.choices.empty() ? type.substr(0, type.find_first_of(": ")) : "WORD";
    }
    one.help = option->get_description();
    one.fallback = option->get_default_str();
    one.required = option->get_required();
    const auto is = [&](std::string_view name) {
      return one.positional == name || std::count(one.names.begin(), one.names.end(), name) > 0;
    };
    one.is_file =
        is("--config") || is("--path") || is("--into") || is("--output") || is("--socket") || is("file");
    options.push_back(std::move(one));
  }
  // Groups of options are nameless subcommands.
  for (const CLI::App* group :
       app.get_subcommands([](const CLI::App* sub) { return sub->get_name().empty(); })) {
    add_options(*group, options);
  }
}

void add_command(const CLI::App& app, const std::string& path, std::vector<TreeCommand>& tree) {
  TreeCommand command;
  command.path = path;
  command.help = app.get_description();
  add_options(app, command.options);
  const auto subcommands = app.get_subcommands([](const CLI::App* sub) { return !sub->get_name().empty(); });
  for (const CLI::App* sub : subcommands) command.subcommands.push_back(sub->get_name());
  tree.push_back(std::move(command));
  for (const CLI::App* sub : subcommands) add_command(*sub, path + " " + sub->get_name(), tree);
}

// Text in roff: no line may begin with a control character, and a backslash or a hyphen is meant as it is.
std::string roff(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((i == 0 || text[i - 1] == '\n') && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

std::string sentence(std::string text) {
  if (!text.empty() && text.back() != '.') text += '.';
  return text;
}

void write_option(std::ostream& out, const TreeOption& option) {
  out << ".TP\n";
  if (option.names.empty()) {
    out << "\\fI" << roff(option.positional) << "\\fR\n";
  } else {
    for (std::size_t i = 0; i < option.names.size(); ++i) {
      out << (i > 0 ? ", " : "") << "\\fB" << roff(option.names[i]) << "\\fR";
    }
    if (!option.value.empty()) out << " \\fI" << roff(option.value) << "\\fR";
    out << "\n";
  }
  out << roff(sentence(option.help));
  if (!option.choices.empty()) {
    out << "\nOne of ";
    for (std::size_t i = 0; i < option.choices.size(); ++i) {
      out << (i == 0 ? "" : i + 1 == option.choices.size() ? " and " : ", ") << roff(option.choices[i]);
    }
    out << ".";
  }
  if (!option.fallback.empty()) out << "\nDefault: " << roff(option.fallback) << ".";
  if (option.required) out << "\nMust be given.";
  out << "\n";
}

// For double quotes in both shells.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\' || c == '$' || c == '`') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out + "\"";
}

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : " ") + word;
  return all;
}

const TreeOption* positional_of(const TreeCommand& command) {
  for (const TreeOption& option : command.options) {
    if (!option.positional.empty()) return &option;
  }
  return nullptr;
}

// The commands as patterns of a shell's `case`, to follow the words up to the one at hand.
std::string command_patterns(const std::vector<TreeCommand>& tree) {
  std::string patterns;
  for (const TreeCommand& command : tree) {
    if (command.path.find(' ') == std::string::npos) continue;
    patterns += (patterns.empty() ? "" : " | ") + quoted(command.path);
  }
  return patterns;
}

void write_follow(std::ostream& out, const std::vector<TreeCommand>& tree, const std::string& words) {
  const std::string patterns = command_patterns(tree);
  if (patterns.empty()) return;
  out << "  for word in " << words << "; do\n    case \"$path $word\" in\n      " << patterns
      << ") path=\"$path $word\" ;;\n    esac\n  done\n";
}

// The arms of a shell's `case` on the command and the word before the one at hand: what an option's value may
// be.
void write_value_arms(std::ostream& out, const std::vector<TreeCommand>& tree,
                      const std::function<std::string(const std::string&)>& offer_words,
                      const std::string& offer_files) {
  for (const TreeCommand& command : tree) {
    for (const TreeOption& option : command.options) {
      if (option.names.empty() || option.value.empty()) continue;
      std::string patterns;
      for (const std::string& name : option.names) {
        patterns += (patterns.empty() ? "" : " | ") + quoted(command.path + " " + name);
      }
      out << "    " << patterns << ") ";
      if (!option.choices.empty()) {
        out << offer_words(joined(option.choices)) << "; ";
      } else if (option.is_file) {
        out << offer_files << "; ";
      }
      out << "return ;;\n";
    }
  }
}

}  // namespace

std::vector<TreeCommand> command_tree(const CLI::App& app) {
  std::vector<TreeCommand> tree;
  add_command(app, app.get_name(), tree);
  return tree;
}

std::string man_page(const std::vector<TreeCommand>& tree, const ManPage& page) {
  const TreeCommand& program = tree.front();
  std::string title = program.path;
  std::transform(title.begin(), title.end(), title.begin(), [](unsigned char c) { return std::toupper(c); });
  std::ostringstream out;
  out << ".\\\" Written by command_documents_test from the program's own options.\n"
      << ".TH " << title << " " << page.section << " " << page.date << " \"" << page.version << "\"\n"
      << ".SH NAME\n"
      << program.path << " \\- the Vigile edge agent: " << roff(program.help) << "\n"
      << ".SH SYNOPSIS\n.B " << program.path << "\n[\\fIoption\\fR ...]";
  if (!program.subcommands.empty()) out << " \\fIcommand\\fR [\\fIargument\\fR ...]";
  out << "\n.SH DESCRIPTION\n" << page.description << ".SH OPTIONS\n";
  for (const TreeOption& option : program.options) write_option(out, option);
  if (tree.size() > 1) out << ".SH COMMANDS\n";
  for (auto command = tree.begin() + 1; command != tree.end(); ++command) {
    out << ".SS " << roff(command->path.substr(program.path.size() + 1)) << "\n"
        << roff(sentence(command->help)) << "\n";
    for (const TreeOption& option : command->options) {
      if (std::count(option.names.begin(), option.names.end(), "--help") == 0) write_option(out, option);
    }
  }
  out << page.end;
  return out.str();
}

std::string bash_completion(const std::vector<TreeCommand>& tree) {
  const std::string program = tree.front().path;
  std::ostringstream out;
  out << "# Completion of " << program
      << " for bash; written by command_documents_test from the program's own options.\n"
      << "_" << program << "() {\n"
      << "  local word path=" << program
      << " cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
      << "  COMPREPLY=()\n";
  write_follow(out, tree, "\"${COMP_WORDS[@]:1:COMP_CWORD-1}\"");
  out << "  case \"$path $prev\" in\n";
  write_value_arms(
      out, tree,
      [](const std::string& words) {
        return "mapfile -t COMPREPLY < <(compgen -W " + quoted(words) + " -- \"$cur\")";
      },
      "mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")");
  out << "  esac\n  case $path in\n";
  for (const TreeCommand& command : tree) {
    std::vector<std::string> words = command.subcommands;
    for (const TreeOption& option : command.options)
      words.insert(words.end(), option.names.begin(), option.names.end());
    const TreeOption* const positional = positional_of(command);
    out << "    " << quoted(command.path) << ") mapfile -t COMPREPLY < <(compgen "
        << (positional != nullptr && positional->is_file ? "-f " : "") << "-W " << quoted(joined(words))
        << " -- \"$cur\") ;;\n";
  }
  out << "  esac\n}\ncomplete -o filenames -F _" << program << " " << program << "\n";
  return out.str();
}

std::string zsh_completion(const std::vector<TreeCommand>& tree) {
  const std::string program = tree.front().path;
  std::ostringstream out;
  out << "#compdef " << program << "\n"
      << "# Written by command_documents_test from the program's own options.\n"
      << "_" << program << "() {\n  local word path_so_far=" << program
      << " prev=${words[CURRENT-1]}\n  local -a found\n";
  std::ostringstream follow;
  write_follow(follow, tree, "${words[2,CURRENT-1]}");
  std::string text = follow.str();
  for (std::size_t at = 0; (at = text.find("$path ", at)) != std::string::npos;)
    text.replace(at, 6, "$path_so_far ");
  for (std::size_t at = 0; (at = text.find(" path=", at)) != std::string::npos;)
    text.replace(at, 6, " path_so_far=");
  out << text << "  case \"$path_so_far $prev\" in\n";
  write_value_arms(
      out, tree, [](const std::string& words) { return "compadd -- " + words; }, "_files");
  out << "  esac\n  case $path_so_far in\n";
  for (const TreeCommand& command : tree) {
    out << "    " << quoted(command.path) << ")\n      found=(";
    for (const TreeCommand& sub : tree) {
      if (sub.path == command.path + " " + last_word(sub.path)) {
        out << "\n        " << quoted(last_word(sub.path) + ":" + sub.help);
      }
    }
    for (const TreeOption& option : command.options) {
      for (const std::string& name : option.names) out << "\n        " << quoted(name + ":" + option.help);
    }
    out << ")\n      _describe " << quoted(last_word(command.path)) << " found\n";
    const TreeOption* const positional = positional_of(command);
    if (positional != nullptr && positional->is_file) out << "      _files\n";
    out << "      ;;\n";
  }
  out << "  esac\n}\n_" << first_word(program) << " \"$@\"\n";
  return out.str();
}

std::string man_page_of_file(const std::string& title, const std::string& section, const std::string& date,
                             const std::string& version, const std::string& introduction,
                             const std::string& file, const std::string& end) {
  std::ostringstream out;
  out << ".\\\" Written by command_documents_test from the file itself.\n"
      << ".TH " << title << " " << section << " " << date << " \"" << version << "\"\n"
      << introduction << ".nf\n"
      << roff(file) << ".fi\n"
      << end;
  return out.str();
}

}  // namespace vigile
