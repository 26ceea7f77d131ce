#include "RequestRules.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/LockPolicy.h"
#include "Leasehold/Store/LockStore.h"
#include "Utf8.h"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace Leasehold
{
namespace
{

constexpr std::size_t maxShownBytes = 64;
constexpr std::chrono::hours maxFloorLead{24};

[[noreturn]] void refuseName(const std::string& name, const std::string& why)
{
    throw InvalidLockRequest("lock name \"" + shown(name) + "\" " + why + "; allowed are 1 to " + std::to_string(maxNameBytes) +
                             " bytes of UTF-8 without control characters");
}

[[noreturn]] void refuse(const std::string& what, const std::string& value, const std::string& allowed)
{
    throw InvalidLockRequest(what + " of " + value + " is out of bounds; allowed is " + allowed);
}

void checkListText(const std::string& what, const std::string& text)
{
    if (text.size() > maxNameBytes)
        refuse(what, std::to_string(text.size()) + " bytes", "at most " + std::to_string(maxNameBytes) + " bytes");
    if (!isUtf8(text))
        throw InvalidLockRequest(what + " \"" + shown(text) + "\" is not UTF-8; do not cut a name in the middle of a character");
}

} // namespace

std::string shown(std::string_view text)
{
    constexpr char digits[] = "0123456789abcdef";
    std::string result;
    for (const char each : text.substr(0, maxShownBytes))
    {
        const auto byte = static_cast<unsigned char>(each);
        if (isPrintableAscii(each) && each != '"' && each != '\\')
            result += each;
        else
            result.append("\\x").append(1, digits[byte >> 4]).append(1, digits[byte & 0xF]);
    }
    return text.size() > maxShownBytes ? result + "..." : result;
}

void checkLockName(const std::string& name)
{
    if (name.empty())
        refuseName(name, "is empty");
    if (name.size() > maxNameBytes)
        refuseName(name, "has " + std::to_string(name.size()) + " bytes");
    // A fast path for names of printable ASCII, because each acquire checks its name.
    const auto plain = std::find_if_not(name.begin(), name.end(), isPrintableAscii) - name.begin();
    for (auto rest = std::string_view(name).substr(static_cast<std::size_t>(plain)); !rest.empty();)
    {
        const auto code = takeCharacter(rest);
        if (!code)
            refuseName(name, "is not UTF-8");
        if (isControl(*code))
            refuseName(name, "has a control character");
    }
}

void checkTtl(Milliseconds ttl)
{
    if (ttl < LeasePolicy::minTtl || ttl > LeasePolicy::maxTtl)
        refuse("a ttl", formatDuration(ttl), formatDuration(LeasePolicy::minTtl) + " to " + formatDuration(LeasePolicy::maxTtl));
}

void checkWait(Milliseconds wait)
{
    if (wait < Milliseconds{0})
        refuse("a wait", formatDuration(wait), "0 (try once) or more, or forever");
}

void checkMaxHold(Milliseconds maxHold)
{
    if (maxHold <= Milliseconds{0})
        refuse("a maxHold", formatDuration(maxHold), "1ms or more, or forever");
}

void checkMinHold(Milliseconds minHold, const LeasePolicy& lease, const StoreInfo& store)
{
    if (minHold < Milliseconds{0} || minHold > LeasePolicy::maxTtl)
        refuse("a minHold", formatDuration(minHold), "0 to " + formatDuration(LeasePolicy::maxTtl));
    if (lease.maxHold && minHold > *lease.maxHold)
        refuse("a minHold", formatDuration(minHold), "at most maxHold, " + formatDuration(*lease.maxHold) + ": the lock is lost then");
    if (store.maxTtl > Milliseconds{0} && minHold > store.maxTtl)
        refuse("a minHold", formatDuration(minHold),
               "at most " + formatDuration(store.maxTtl) + ", the longest ttl of the " + store.type + " store " + store.location);
}

void checkFenceFloor(Fence floor, std::chrono::system_clock::time_point now)
{
    const auto highest = std::chrono::duration_cast<std::chrono::microseconds>((now + maxFloorLead).time_since_epoch()).count();
    const auto limit = std::min(maxFence, static_cast<Fence>(std::max<std::int64_t>(highest, 0)));
    if (floor > limit)
        refuse("a fenceFloor", std::to_string(floor),
               "0 to " + std::to_string(limit) + " (the greatest fence there is, and a day ahead of this host's clock in microseconds)");
}

void checkPrefix(const std::string& prefix)
{
    checkListText("a list prefix", prefix);
}

void checkListQuery(const ListQuery& query)
{
    checkPrefix(query.prefix);
    checkListText("a list's `after`", query.after);
    if (query.limit < 1 || query.limit > maxListLimit)
        refuse("a list limit", std::to_string(query.limit), "1 to " + std::to_string(maxListLimit));
}

} // namespace Leasehold
