// SPDX-License-Identifier: Apache-2.0
// What the command lines of vigiled and vigilectl have in common: how help is laid out, what values of
// options may be, and what is said of words that are not taken. Includes CLI11, which is slow to compile.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace vigile {

// Help of `app` and of its commands: no line past 80 columns where there is a blank to break at; an option
// group shows its name and how many of its options are wanted. Before commands are added.
void lay_out_help(CLI::App& app);

// The exit status for what parse() threw: 0 after help or version was asked for, which is printed; else 2,
// after "PROGRAM: what is wrong" on standard error, with the command or option that was likely meant.
int answer_parse_error(const CLI::App& app, const CLI::ParseError& error);

// A duration like "10s" or "1h30m", not 0.
CLI::Validator a_duration();
// One of these words; another gets the one that was likely meant.
CLI::Validator one_of(std::vector<std::string> words);
// A number from `least` to `most`.
CLI::Validator a_number(double least, double most);
// Once all is described: options of unsigned type take digits alone. CLI11 would make 2^64 - 5 of "-5".
void refuse_negative_counts(CLI::App& app);

}  // namespace vigile
