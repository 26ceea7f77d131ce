#include "StorageIdentity.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/TimeSource.h"

#include <algorithm>
#include <charconv>
#include <random>

namespace Leasehold::Etcd
{

namespace
{

constexpr int schema = 1;

} // namespace

StorageIdentity::Expected StorageIdentity::expected() const
{
    const std::lock_guard lock(_mutex);
    return {_value, _revision};
}

std::string StorageIdentity::newValue()
{
    std::random_device device;
    return std::to_string(schema) + ' ' + std::to_string(device()) + '-' + std::to_string(device()) + '-' + std::to_string(device());
}

bool StorageIdentity::answered(const Header& header, const Expected& expected)
{
    const std::lock_guard lock(_mutex);
    const bool isOther = !_clusterId.empty() && header.clusterId != _clusterId;
    const bool isSetBack = header.revision < expected.revision;
    _clusterId = header.clusterId;
    if (!isOther && !isSetBack)
    {
        _revision = std::max(_revision, header.revision);
        tellGuard();
        return true;
    }
    _revision = header.revision;
    ++_setBack;
    tellGuard();
    return false;
}

void StorageIdentity::found(const std::string& value)
{
    int number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end == value.data() + value.size() || *end != ' ' || number < schema)
        throw LockStoreError(_place + ": the key v of the prefix is not that of a lock store: choose another prefix, or remove the key");
    if (number > schema)
        throw LockStoreError(_place + ": its schema is number " + std::to_string(number) + " and this version of the store knows " +
                             std::to_string(schema) + ": update the program");
    const std::lock_guard lock(_mutex);
    _value = value;
    tellGuard();
}

void StorageIdentity::missing()
{
    const std::lock_guard lock(_mutex);
    _value.clear();
    _guard.missing(LocalClock::now());
}

void StorageIdentity::requireGrantsAllowed() const
{
    _guard.requireGrantsAllowed(_place, LocalClock::now());
}

void StorageIdentity::tellGuard()
{
    if (!_value.empty() && !_clusterId.empty())
        _guard.found(_value + ", cluster " + _clusterId + ", " + std::to_string(_setBack), LocalClock::now());
}

} // namespace Leasehold::Etcd
