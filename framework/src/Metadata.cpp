#include "Leasehold/Metadata.h"

#include "JsonNumbers.h"
#include "Leasehold/Exceptions.h"
#include "RequestRules.h"
#include "Utf8.h"

#include <Poco/Dynamic/Struct.h>
#include <Poco/Dynamic/Var.h>
#include <Poco/JSON/Array.h>
#include <Poco/JSON/Handler.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <vector>

namespace Leasehold
{
namespace
{

/// Readers parse metadata that other programs wrote. The bound lets them do it on a small stack.
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
        number = 0; // parsers read "-0" as the integer 0, which is written without a sign
    std::array<char, 32> buffer{};
    auto* const first = buffer.data();
    auto* const last = first + buffer.size();
    // Without an exponent readers would take it for an integer, and one that does not fit in 64 bits.
    const auto written =
        std::abs(number) < 0x1p63 ? std::to_chars(first, last, number) : std::to_chars(first, last, number, std::chars_format::scientific);
    return {first, written.ptr};
}

/// Writes JSON in one form: without spaces, and with the keys in the given order.
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

protected:
    /// In an object, key() has already written the comma.
    void write(std::string_view value)
    {
        beginValue();
        _json += value;
    }

private:
    /// An object or an array that is not closed yet.
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

    std::string _json;
    std::vector<Level> _levels;
};

/// Writes JSON as the parser reads it. A number stays as in the text: 1.0 does not become 1, and 1e-400 does not become 0.
class TextWriter : public CanonicalWriter
{
public:
    explicit TextWriter(std::string_view text) : _numbers(numbersIn(text)) {}

    using CanonicalWriter::value;
    void value(int) override { writeNext(); }
    void value(unsigned) override { writeNext(); }
    void value(Poco::Int64) override { writeNext(); }
    void value(Poco::UInt64) override { writeNext(); }
    void value(double number) override
    {
        if (!std::isfinite(number))
            refuse("has the number " + (_next < _numbers.size() ? shown(_numbers[_next]) : std::string()) +
                   ", which is beyond the range of a double");
        writeNext();
    }

private:
    void writeNext()
    {
        if (_next == _numbers.size())
            refuse("is not JSON");
        write(_numbers[_next++]);
    }

    std::vector<std::string_view> _numbers;
    std::size_t _next = 0; // the parser reports the numbers in the order of the text
};

void writeValue(CanonicalWriter& writer, const Poco::Dynamic::Var& value);

void writeObject(CanonicalWriter& writer, const Poco::JSON::Object& object)
{
    writer.startObject();
    for (const auto& name : object.getNames())
    {
        writer.key(name);
        writeValue(writer, object.get(name));
    }
    writer.endObject();
}

/// `list`: a Poco::JSON::Array or a Var that contains several.
template <typename List>
void writeList(CanonicalWriter& writer, const List& list)
{
    writer.startArray();
    for (const auto& each : list)
        writeValue(writer, each);
    writer.endArray();
}

template <typename Struct>
void writeStruct(CanonicalWriter& writer, const Struct& members)
{
    writer.startObject();
    for (const auto& [name, value] : members)
    {
        writer.key(name);
        writeValue(writer, value);
    }
    writer.endObject();
}

/// POCO's own writer differs between versions: it has written NaN as null, and the real number 2^64 as an integer.
void writeScalar(CanonicalWriter& writer, const Poco::Dynamic::Var& value)
{
    if (value.isEmpty())
        writer.null();
    else if (value.isBoolean())
        writer.value(value.convert<bool>());
    else if (value.type() == typeid(char) || value.isString() || value.isDateTime() || value.isDate() || value.isTime())
        writer.value(value.convert<std::string>());
    else if (value.isInteger() && value.isSigned())
        writer.value(value.convert<Poco::Int64>());
    else if (value.isInteger())
        writer.value(value.convert<Poco::UInt64>());
    else if (value.isNumeric())
        writer.value(value.convert<double>());
    else
        refuse("has a value that cannot be written as JSON");
}

void writeValue(CanonicalWriter& writer, const Poco::Dynamic::Var& value)
{
    using namespace Poco::JSON;
    if (value.type() == typeid(Object))
        writeObject(writer, value.extract<Object>());
    else if (value.type() == typeid(Object::Ptr))
        writeObject(writer, *value.extract<Object::Ptr>());
    else if (value.type() == typeid(Array))
        writeList(writer, value.extract<Array>());
    else if (value.type() == typeid(Array::Ptr))
        writeList(writer, *value.extract<Array::Ptr>());
    else if (value.type() == typeid(Poco::DynamicStruct))
        writeStruct(writer, value.extract<Poco::DynamicStruct>());
    else if (value.type() == typeid(Poco::OrderedDynamicStruct))
        writeStruct(writer, value.extract<Poco::OrderedDynamicStruct>());
    else if (value.isVector() || value.isList() || value.isDeque())
        writeList(writer, value);
    else
        writeScalar(writer, value);
}

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
    CanonicalWriter writer;
    try
    {
        writeObject(writer, object);
    }
    catch (const InvalidLockRequest&)
    {
        throw;
    }
    catch (const Poco::Exception& error)
    {
        refuse("cannot be written as JSON (" + error.displayText() + ")");
    }
    requireSize(writer.json().size());
    _json = writer.json();
}

Metadata Metadata::fromJSON(std::string_view text)
{
    requireSize(text.size());
    if (!isUtf8(text))
        refuse("is not UTF-8");
    if (const auto number = oversizedWholeNumber(text))
        refuse("has the whole number " + shown(*number) + ", which 64 bits do not hold");
    const Poco::SharedPtr<TextWriter> writer(new TextWriter(text));
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
