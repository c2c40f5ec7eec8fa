// SPDX-License-Identifier: Apache-2.0
// Man pages and shell completions, written from a program's command tree, so that they say what it takes.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace vigile {

struct TreeOption {
  std::vector<std::string> names;    // "-c", "--config"; none for a positional
  std::string positional;            // "sink"
  std::string value;                 // "TEXT", "" for a flag
  std::vector<std::string> choices;  // the only values it takes, when these are few
  std::string help;
  std::string fallback;  // its default
  bool required = false;
  bool is_file = false;
};

struct TreeCommand {
  std::string path;  // "vigilectl lp decode"
  std::string help;
  std::vector<TreeOption> options;
  std::vector<std::string> subcommands;  // their own names
};

// The program first, then every command, each before its own.
std::vector<TreeCommand> command_tree(const CLI::App& app);

struct ManPage {
  std::string section;      // "1"
  std::string date;         // of the version: "2026-12-01"
  std::string version;      // "vigile 0.1.0"
  std::string description;  // roff after DESCRIPTION; may be empty
  std::string end;          // roff: EXIT STATUS and what follows
};

std::string man_page(const std::vector<TreeCommand>& tree, const ManPage& page);
std::string bash_completion(const std::vector<TreeCommand>& tree);
std::string zsh_completion(const std::vector<TreeCommand>& tree);
// An annotated file as it is, between an introduction and an end in roff.
std::string man_page_of_file(const std::string& title, const std::string& section, const std::string& date,
                             const std::string& version, const std::string& introduction,
                             const std::string& file, const std::string& end);

}  // namespace vigile
