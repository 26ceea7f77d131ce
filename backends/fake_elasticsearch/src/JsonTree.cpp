#include "JsonTree.h"

#include "EngineFailure.h"
#include "JsonNumbers.h"

#include <algorithm>
#include <set>
#include <sstream>
#include <vector>

#include <Poco/Exception.h>
#include <Poco/JSON/ParseHandler.h>
#include <Poco/JSON/Parser.h>
#include <Poco/JSON/Stringifier.h>
#include <Poco/TextConverter.h>
#include <Poco/UTF8Encoding.h>

namespace Leasehold::Fake
{

namespace
{

/// Builds the tree, and refuses duplicate keys in an object, as engines do.
class StrictHandler : public Poco::JSON::ParseHandler
{
public:
    void startObject() override
    {
        _keys.emplace_back();
        ParseHandler::startObject();
    }
    void endObject() override
    {
        _keys.pop_back();
        ParseHandler::endObject();
    }
    void key(const std::string& name) override
    {
        if (!_keys.back().insert(name).second)
            throw Poco::DataFormatException("the key " + name + " stands twice");
        ParseHandler::key(name);
    }

private:
    std::vector<std::set<std::string>> _keys;
};

/// The place where parsing failed: its depth, and the member of the outermost object.
struct Stop
{
    std::size_t depth = 0;
    bool inText = false;
    std::string member{};
};

Stop stopOf(const std::string& text)
{
    Stop stop;
    std::string word;
    bool escaped = false;
    for (const char character : text)
    {
        if (stop.inText)
        {
            if (character == '"' && !escaped)
                stop.inText = false;
            else
                word += character;
            escaped = character == '\\' && !escaped;
            continue;
        }
        if (character == '"')
        {
            stop.inText = true;
            word.clear();
        }
        else if (character == '{' || character == '[')
            ++stop.depth;
        else if ((character == '}' || character == ']') && stop.depth > 0)
            --stop.depth;
        else if (character == ':' && stop.depth == 1)
            stop.member = word;
        else if (character == ',' && stop.depth == 1)
            stop.member.clear();
    }
    return stop;
}

} // namespace

Object object(std::initializer_list<std::pair<const char*, Value>> members)
{
    Object result(new Poco::JSON::Object);
    for (const auto& [key, value] : members)
        result->set(key, value);
    return result;
}

Array array(std::initializer_list<Value> elements)
{
    Array result(new Poco::JSON::Array);
    for (const auto& element : elements)
        result->add(element);
    return result;
}

bool isObject(const Value& value)
{
    return value.type() == typeid(Object);
}

bool isArray(const Value& value)
{
    return value.type() == typeid(Array);
}

bool isText(const Value& value)
{
    return !value.isEmpty() && value.isString();
}

Value member(const Object& parent, const std::string& key)
{
    return parent ? parent->get(key) : Value();
}

Object objectMember(const Object& parent, const std::string& key)
{
    const auto value = member(parent, key);
    return isObject(value) ? value.extract<Object>() : Object();
}

std::string cleaned(const std::string& text)
{
    if (std::none_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0x80; }))
        return text;
    const Poco::UTF8Encoding utf8;
    std::string result;
    Poco::TextConverter(utf8, utf8, 0xFFFD).convert(text, result);
    return result;
}

std::string toText(const Value& value)
{
    std::ostringstream out;
    Poco::JSON::Stringifier::stringify(value, out);
    return out.str();
}

Parsed parseJson(const std::string& text)
{
    if (cleaned(text) != text)
        return {{}, Parsed::Trouble::malformed, {}};
    if (const auto number = oversizedWholeNumber(text))
        throw unsupported("a whole number of more than 64 bits: " + std::string(*number));
    try
    {
        Poco::JSON::Parser parser(Poco::JSON::Handler::Ptr(new StrictHandler));
        return {parser.parse(text), Parsed::Trouble::none, {}};
    }
    catch (const Poco::Exception&)
    {
        const auto stop = stopOf(text);
        return {{}, stop.depth > 0 || stop.inText ? Parsed::Trouble::endOfText : Parsed::Trouble::malformed, stop.member};
    }
}

std::string firstObject(const std::string& text)
{
    std::size_t depth = 0;
    bool inText = false;
    for (std::size_t at = 0; at < text.size(); ++at)
    {
        if (inText)
        {
            if (text[at] == '\\')
                ++at;
            else if (text[at] == '"')
                inText = false;
            continue;
        }
        if (text[at] == '"')
            inText = true;
        else if (text[at] == '{' || text[at] == '[')
            ++depth;
        else if ((text[at] == '}' || text[at] == ']') && (depth == 0 || --depth == 0))
            return depth == 0 && text.find_first_not_of(" \t\r\n") < at ? text.substr(0, at + 1) : text;
    }
    return text;
}

} // namespace Leasehold::Fake
