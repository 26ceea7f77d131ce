#include "IndexMemory.h"

#include <algorithm>

namespace Leasehold
{

void IndexMemory::seen()
{
    const std::lock_guard lock(_mutex);
    _seen = true;
}

void IndexMemory::missing()
{
    const std::lock_guard lock(_mutex);
    if (_seen)
        loseAll();
}

void IndexMemory::isNow(const std::string& uuid)
{
    const std::lock_guard lock(_mutex);
    _seen = true;
    if (!_uuid.empty() && !uuid.empty() && uuid != _uuid)
        loseAll();
    if (!uuid.empty())
        _uuid = uuid;
}

void IndexMemory::leaseHasNoDocument(const std::string& uuid)
{
    const std::lock_guard lock(_mutex);
    if (_uuid.empty() || uuid.empty() || uuid == _uuid)
        return;
    loseAll();
    _uuid = uuid;
}

Milliseconds IndexMemory::mayRemain(Milliseconds ttl)
{
    const std::lock_guard lock(_mutex);
    _longestTtl = std::max(_longestTtl, ttl);
    if (!_vanishedAt)
        return Milliseconds{0};
    const auto left = std::chrono::ceil<Milliseconds>(*_vanishedAt + _longestTtl - Clock::system()->now());
    if (left.count() > 0)
        return left;
    _vanishedAt.reset();
    return Milliseconds{0};
}

void IndexMemory::loseAll()
{
    _seen = false;
    _uuid.clear();
    _vanishedAt = Clock::system()->now();
}

} // namespace Leasehold
