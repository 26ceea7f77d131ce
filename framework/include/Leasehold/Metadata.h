#pragma once

#include "Leasehold/Export.h"

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
/// Every constructor throws InvalidLockRequest if the text is over the limit, a key occurs twice, or a text is not UTF-8.
class LEASEHOLD_EXPORT Metadata
{
public:
    /// The limit of json(), in bytes.
    static constexpr std::size_t maxBytes = std::size_t{16} * 1024;

    /// A text, a number or a bool, already as JSON.
    class LEASEHOLD_EXPORT Value
    {
    public:
        Value(std::string_view text);                                     ///< a text; must be UTF-8
        Value(const char* text) : Value(std::string_view(text)) {}        ///< a text; must be UTF-8
        Value(const std::string& text) : Value(std::string_view(text)) {} ///< a text; must be UTF-8
        /// A number or a bool. A NaN or an infinity is refused: JSON has none.
        template <typename Number>
        requires std::is_arithmetic_v<Number> Value(Number number) : _json(write(number)) {}

        /// The value as JSON.
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
        static std::string writeReal(double number);

        std::string _json;
    };

    /// An empty object.
    Metadata() = default;
    /// An object with these members, in this order.
    Metadata(std::initializer_list<std::pair<std::string_view, Value>> entries);
    /// A copy of `object`. A NaN or an infinity in it is refused.
    explicit Metadata(const Poco::JSON::Object& object);

    /// Reads exactly one JSON object, at most 32 levels deep. Its whole numbers must fit in 64 bits (-2^63 to 2^64 - 1) and its reals
    /// in a double; each number stays as it is written.
    static Metadata fromJSON(std::string_view text);

    /// The JSON object as text.
    const std::string& json() const noexcept { return _json; }

    /// Equal if the JSON texts are.
    friend bool operator==(const Metadata&, const Metadata&) = default;

private:
    std::string _json = "{}";
};

} // namespace Leasehold
