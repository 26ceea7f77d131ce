#include "Command.h"

namespace Leasehold::Redis
{

void appendWord(std::string& bytes, std::string_view word)
{
    bytes += '$';
    bytes += std::to_string(word.size());
    bytes += "\r\n";
    bytes += word;
    bytes += "\r\n";
}

void Commands::add(std::initializer_list<std::string_view> words)
{
    begin(*words.begin(), words.size());
    for (const auto* word = words.begin() + 1; word != words.end(); ++word)
        addWord(*word);
}

void Commands::begin(std::string_view name, std::size_t words)
{
    bytes += '*';
    bytes += std::to_string(words);
    bytes += "\r\n";
    addWord(name);
    names.push_back(name);
}

void Commands::addWord(std::string_view word)
{
    appendWord(bytes, word);
}

void Commands::append(const Commands& others)
{
    bytes += others.bytes;
    names.insert(names.end(), others.names.begin(), others.names.end());
}

} // namespace Leasehold::Redis
