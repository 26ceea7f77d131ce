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

/// The member, or an empty value: absent and null are alike.
Value member(const Object& parent, const std::string& key);
/// nullptr: absent, null, or not an object.
Object objectMember(const Object& parent, const std::string& key);

/// The text with U+FFFD in the place of what is no UTF-8, as engines read a path.
std::string cleaned(const std::string& text);

/// The value as JSON on one line.
std::string toText(const Value& value);

/// What parsing a text gave.
struct Parsed
{
    enum class Trouble
    {
        none,
        endOfText, ///< what is there is right, but it stops in the middle
        malformed
    };
    Value value{};
    Trouble trouble = Trouble::none;
    std::string within{}; ///< the member of the outermost object in which the trouble is
};
/// Throws a Failure (501) at a whole number that the parser would take for another.
Parsed parseJson(const std::string& text);

/// The text up to the end of its first object: engines do not look at what stands behind it. All of it, if it has no such end.
std::string firstObject(const std::string& text);

} // namespace Leasehold::Fake
