#include "HeldLocks.h"

#include "jsonLines.h"

#include <Poco/Exception.h>
#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include <cstdlib>

namespace Leasehold::Tool
{

HeldLocks HeldLocks::fromEnvironment()
{
    const char* const text = std::getenv(variable);
    if (text == nullptr || *text == '\0')
        return {};
    try
    {
        HeldLocks held;
        Poco::JSON::Parser parser;
        for (const auto& one : *parser.parse(text).extract<Poco::JSON::Array::Ptr>())
        {
            const auto& entry = *one.extract<Poco::JSON::Object::Ptr>();
            held.add({entry.getValue<std::string>("store"), entry.getValue<std::string>("location"), entry.getValue<std::string>("name"),
                      entry.getValue<Fence>("fence")});
        }
        return held;
    }
    catch (const Poco::Exception&) // the variable is not from leasehold: a nested run then waits, or is told that the lock is held
    {
        return {};
    }
}

std::string HeldLocks::json() const
{
    std::string text = "[";
    for (const auto& entry : _entries)
        text += std::string(text.size() > 1 ? "," : "") + "{\"store\":" + jsonText(entry.store) +
                ",\"location\":" + jsonText(entry.location) + ",\"name\":" + jsonText(entry.name) +
                ",\"fence\":" + std::to_string(entry.fence) + "}";
    return text + "]";
}

std::vector<Fence> HeldLocks::fencesOf(const std::string& store, const std::string& name) const
{
    std::vector<Fence> fences;
    for (const auto& entry : _entries)
        if (entry.store == store && entry.name == name)
            fences.push_back(entry.fence);
    return fences;
}

} // namespace Leasehold::Tool
