#include "EtcdVersion.h"

#include <array>
#include <charconv>
#include <optional>

namespace Leasehold::Etcd
{

namespace
{

using Version = std::array<int, 3>;

/// "3.5.16" or "3.6.0-rc.1"; nullopt: it does not begin with three numbers.
std::optional<Version> numbers(const std::string& text)
{
    Version version{};
    const char* at = text.data();
    const char* const end = at + text.size();
    for (std::size_t part = 0; part < version.size(); ++part)
    {
        if (part > 0 && (at == end || *at++ != '.'))
            return std::nullopt;
        const auto [next, error] = std::from_chars(at, end, version[part]);
        if (error != std::errc())
            return std::nullopt;
        at = next;
    }
    return version;
}

} // namespace

bool isTooOld(const std::string& version)
{
    const auto known = numbers(version);
    return known && *known < Version{3, 4, 0};
}

bool canCorrupt(const std::string& version)
{
    const auto known = numbers(version);
    return known && *known >= Version{3, 5, 0} && *known <= Version{3, 5, 2};
}

} // namespace Leasehold::Etcd
