#include "Leasehold/Metadata.h"

#include "JsonNumbers.h"
#include "Leasehold/Exceptions.h"
#include "RequestRules.h"

#include <Poco/JSON/Handler.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <sstream>
#include <vector>

namespace Leasehold
{
namespace
{

/// Every reader of the records must be able to parse what a stranger wrote, with whatever stack it has.
constexpr std::size_t maxDepth = 32;

[[noreturn]] void refuse(const std::string& why)
{
    throw InvalidLockRequest("metadata " + why + "; allowed is one JSON object in UTF-8, at most " + std::to_string(Metadata::maxBytes) +
                             " bytes as text, " + std::to_string(maxDepth) + " levels deep, each key once");
}

void requireSize(std::size_t bytes)
{
    if (bytes > Metadata::maxBytes)
        refuse("of " + std::to_string(bytes) + " bytes is too long");
}

void appendText(std::string& json, std::string_view text)
{
    if (!isUtf8(text))
        refuse("has the text \"" + shown(text) + "\", which is not UTF-8");
    constexpr char digits[] = "0123456789abcdef";
    constexpr std::string_view escaped = "\"\\\b\f\n\r\t", letters = "\"\\bfnrt";
    json += '"';
    for (const char each : text)
    {
        const auto byte = static_cast<unsigned char>(each);
        if (const auto place = escaped.find(each); place != std::string_view::npos)
            json.append(1, '\\').append(1, letters[place]);
        else if (byte < 0x20)
            json.append("\\u00").append(1, digits[byte >> 4]).append(1, digits[byte & 0xF]);
        else
            json += each;
    }
    json += '"';
}

std::string textAsJSON(std::string_view text)
{
    std::string json;
    appendText(json, text);
    return json;
}

std::string realAsJSON(double number)
{
    if (!std::isfinite(number))
        refuse("has a number that is infinite or none, which JSON cannot write");
    if (number == 0)
        number = 0; // "-0" is read as the whole number 0, which is written without a sign
    std::array<char, 32> buffer{};
    auto* const first = buffer.data();
    auto* const last = first + buffer.size();
    // Without an exponent it would be a whole number to its readers, and one that 64 bits do not hold.
    const auto written =
        std::abs(number) < 0x1p63 ? std::to_chars(first, last, number) : std::to_chars(first, last, number, std::chars_format::scientific);
    return {first, written.ptr};
}

/// Writes what the parser reads in one form: without spaces, the keys in the order in which they stand.
class CanonicalWriter : public Poco::JSON::Handler
{
public:
    void reset() override {}
    void startObject() override { open('{', true); }
    void endObject() override { close('}'); }
    void startArray() override { open('[', false); }
    void endArray() override { close(']'); }

    void key(const std::string& name) override
    {
        auto& level = _levels.back();
        if (!level.keys->insert(name).second)
            refuse("has the key \"" + shown(name) + "\" twice");
        separate(level);
        appendText(_json, name);
        _json += ':';
    }

    void null() override { write("null"); }
    void value(int number) override { write(std::to_string(number)); }
    void value(unsigned number) override { write(std::to_string(number)); }
    void value(Poco::Int64 number) override { write(std::to_string(number)); }
    void value(Poco::UInt64 number) override { write(std::to_string(number)); }
    void value(const std::string& text) override { write(textAsJSON(text)); }
    void value(double number) override { write(realAsJSON(number)); }
    void value(bool flag) override { write(flag ? "true" : "false"); }

    const std::string& json() const { return _json; }

private:
    /// An object or an array that is open.
    struct Level
    {
        std::optional<std::set<std::string>> keys{}; // of an object
        bool empty = true;
    };

    void separate(Level& level)
    {
        if (!level.empty)
            _json += ',';
        level.empty = false;
    }

    /// In an object the key has written the comma.
    void beginValue()
    {
        if (_levels.empty())
            refuse("is not a JSON object");
        if (!_levels.back().keys)
            separate(_levels.back());
    }

    void open(char bracket, bool object)
    {
        if (!_levels.empty() || !object)
            beginValue();
        if (_levels.size() == maxDepth)
            refuse("is nested too deeply");
        _levels.emplace_back();
        if (object)
            _levels.back().keys.emplace();
        _json += bracket;
    }

    void close(char bracket)
    {
        _levels.pop_back();
        _json += bracket;
    }

    void write(const std::string& value)
    {
        beginValue();
        _json += value;
    }

    std::string _json;
    std::vector<Level> _levels;
};

} // namespace

Metadata::Value::Value(std::string_view text) : _json(textAsJSON(text)) {}

std::string Metadata::Value::writeReal(double number)
{
    return realAsJSON(number);
}

Metadata::Metadata(std::initializer_list<std::pair<std::string_view, Value>> entries)
{
    std::set<std::string_view> keys;
    _json = "{";
    for (const auto& [key, value] : entries)
    {
        if (!keys.insert(key).second)
            refuse("has the key \"" + shown(key) + "\" twice");
        if (_json.size() > 1)
            _json += ',';
        appendText(_json, key);
        _json.append(1, ':').append(value.json());
    }
    _json += '}';
    requireSize(_json.size());
}

Metadata::Metadata(const Poco::JSON::Object& object)
{
    std::ostringstream text;
    try
    {
        object.stringify(text);
    }
    catch (const Poco::Exception& error)
    {
        refuse("cannot be written as JSON (" + error.displayText() + ")");
    }
    *this = fromJSON(text.str());
}

Metadata Metadata::fromJSON(std::string_view text)
{
    requireSize(text.size());
    if (!isUtf8(text))
        refuse("is not UTF-8");
    if (const auto number = oversizedWholeNumber(text))
        refuse("has the whole number " + shown(*number) + ", which 64 bits do not hold");
    const Poco::SharedPtr<CanonicalWriter> writer(new CanonicalWriter);
    try
    {
        Poco::JSON::Parser parser(writer);
        parser.parse(std::string(text));
    }
    catch (const InvalidLockRequest&)
    {
        throw;
    }
    catch (const Poco::Exception& error)
    {
        refuse("is not JSON (" + error.displayText() + ")");
    }
    requireSize(writer->json().size());
    Metadata metadata;
    metadata._json = writer->json();
    return metadata;
}

} // namespace Leasehold
