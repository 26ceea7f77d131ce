#include "holderMetadata.h"

#include "jsonLines.h"

#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include <pwd.h>
#include <unistd.h>

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
    const auto own = "{\"host\":" + jsonText(hostName()) + ",\"pid\":" + std::to_string(::getpid()) + ",\"user\":" + jsonText(userName()) +
                     ",\"command\":" + jsonText(commandText(command, withArguments)) + "}";
    if (!more)
        return Metadata::fromJSON(own);
    const auto added = Metadata::fromJSON(*more).json(); // refused here if it is no object
    Poco::JSON::Parser parser;
    Poco::JSON::Parser other;
    auto all = parser.parse(own).extract<Poco::JSON::Object::Ptr>();
    for (const auto& [key, value] : *other.parse(added).extract<Poco::JSON::Object::Ptr>())
        all->set(key, value);
    return Metadata(*all);
}

} // namespace Leasehold::Tool
