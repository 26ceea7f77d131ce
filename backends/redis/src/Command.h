#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace Leasehold::Redis
{

/// Commands in the form of the protocol.
struct Commands
{
    std::string bytes{};
    std::vector<std::string_view> names{}; ///< one for each reply; literals

    /// Adds a command of these words. The first one must be a literal.
    void add(std::initializer_list<std::string_view> words);
    /// Begins a command of so many words, `name` included. addWord, or encoded words, must follow.
    void begin(std::string_view name, std::size_t words);
    void addWord(std::string_view word);
    void append(const Commands& others);
};

/// Adds a word in its encoded form.
void appendWord(std::string& bytes, std::string_view word);

} // namespace Leasehold::Redis
