#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <Poco/Dynamic/Var.h>
#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>

namespace Leasehold::Fake
{

using Value = Poco::Dynamic::Var;
using Object = Poco::JSON::Object::Ptr;
using Array = Poco::JSON::Array::Ptr;

Object object(std::initializer_list<std::pair<const char*, Value>> members = {});
Array array(std::initializer_list<Value> elements = {});

bool isObject(const Value& value);
bool isArray(const Value& value);
bool isText(const Value& value);

/// The member; empty if it is absent or null.
Value member(const Object& parent, const std::string& key);
/// nullptr: absent, null, or not an object.
Object objectMember(const Object& parent, const std::string& key);

/// The text with U+FFFD instead of bytes that are not UTF-8, as engines read a path.
std::string cleaned(const std::string& text);

/// The value as JSON on one line.
std::string toText(const Value& value);

/// The result of parsing a text.
struct Parsed
{
    enum class Trouble
    {
        none,
        endOfText, ///< correct so far, but incomplete
        malformed
    };
    Value value{};
    Trouble trouble = Trouble::none;
    std::string within{}; ///< the member of the outermost object that has the error
};
/// Throws a Failure (501) for an integer that the parser would change.
Parsed parseJson(const std::string& text);

/// The text up to the end of its first object, because engines ignore the rest; the whole text if the object does not end.
std::string firstObject(const std::string& text);

} // namespace Leasehold::Fake
