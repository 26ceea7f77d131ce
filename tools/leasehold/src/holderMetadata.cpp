#include "holderMetadata.h"

#include "jsonLines.h"

#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include <array>
#include <pwd.h>
#include <unistd.h>
#include <utility>

namespace Leasehold::Tool
{

namespace
{

std::string hostName()
{
    char name[256] = {};
    return ::gethostname(name, sizeof name - 1) == 0 ? std::string(name) : std::string();
}

std::string userName()
{
    const passwd* const user = ::getpwuid(::geteuid());
    return user != nullptr ? std::string(user->pw_name) : std::to_string(::geteuid());
}

std::string commandText(const std::vector<std::string>& command, bool withArguments)
{
    if (!withArguments)
        return command[0].substr(command[0].rfind('/') + 1);
    std::string text;
    for (const auto& word : command)
        text.append(text.empty() ? "" : " ").append(word);
    return text;
}

} // namespace

Metadata holderMetadata(const std::vector<std::string>& command, bool withArguments, const std::optional<std::string>& more)
{
    const std::array<std::pair<const char*, std::string>, 4> own{{
        {"host", jsonText(hostName())},
        {"pid", std::to_string(::getpid())},
        {"user", jsonText(userName())},
        {"command", jsonText(commandText(command, withArguments))},
    }};
    const auto added = Metadata::fromJSON(more.value_or("{}")).json(); // throws if it is not an object
    Poco::JSON::Parser parser;
    const auto theirs = parser.parse(added).extract<Poco::JSON::Object::Ptr>();
    // Joined as text, so that the numbers of the user stay as they are written.
    std::string members;
    for (const auto& [key, value] : own)
        if (!theirs->has(key))
            members.append(members.empty() ? "" : ",").append(jsonText(key)).append(":").append(value);
    if (theirs->size() > 0)
        members.append(members.empty() ? "" : ",").append(added, 1, added.size() - 2);
    return Metadata::fromJSON("{" + members + "}");
}

} // namespace Leasehold::Tool
