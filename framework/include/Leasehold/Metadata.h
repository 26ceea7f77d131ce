#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace Poco::JSON
{
class Object;
}

namespace Leasehold
{

/// What a holder says of itself: one JSON object, at most 16 KiB as text. Immutable.
///
///     Metadata{{"host", "web-1"}, {"attempt", 3}, {"dryRun", false}}
///
/// Every constructor throws InvalidLockRequest if the text is over the limit, a key stands twice, or a text is not UTF-8.
class Metadata
{
public:
    static constexpr std::size_t maxBytes = std::size_t{16} * 1024;

    /// A text, a number or a bool, already as JSON.
    class Value
    {
    public:
        Value(std::string_view text);
        Value(const char* text) : Value(std::string_view(text)) {}
        Value(const std::string& text) : Value(std::string_view(text)) {}
        template <typename Number>
            requires std::is_arithmetic_v<Number>
        Value(Number number) : _json(write(number))
        {
        }

        const std::string& json() const noexcept { return _json; }

    private:
        template <typename Number>
        static std::string write(Number number)
        {
            if constexpr (std::is_same_v<Number, bool>)
                return number ? "true" : "false";
            else if constexpr (std::is_floating_point_v<Number>)
                return writeReal(static_cast<double>(number));
            else
                return std::to_string(number);
        }
        static std::string writeReal(double number); // refuses NaN and infinities: JSON has none

        std::string _json;
    };

    Metadata() = default;
    Metadata(std::initializer_list<std::pair<std::string_view, Value>> entries);
    explicit Metadata(const Poco::JSON::Object& object);

    /// `text` must be exactly one JSON object, 32 levels deep at most, its whole numbers within 64 bits (-2^63 to 2^64 - 1).
    static Metadata fromJSON(std::string_view text);

    /// The JSON object as text.
    const std::string& json() const noexcept { return _json; }

    friend bool operator==(const Metadata&, const Metadata&) = default;

private:
    std::string _json = "{}";
};

} // namespace Leasehold
