#include "WaitLines.h"

#include <algorithm>

namespace Leasehold
{

WaitLines::Place::Place(WaitLines& lines, const std::string& name, const Clock& clock) :
    _lines(lines), _name(name), _waiter(clock.makeWaiter())
{
    const std::lock_guard guard(_lines._mutex);
    _lines._lines[_name].places.push_back(this);
    ++_lines._waiting;
}

WaitLines::Place::~Place()
{
    const std::lock_guard guard(_lines._mutex);
    --_lines._waiting;
    const auto line = _lines._lines.find(_name);
    auto& places = line->second.places;
    const bool wasFirst = places.front() == this;
    places.erase(std::find(places.begin(), places.end(), this));
    if (places.empty())
        _lines._lines.erase(line);
    else if (wasFirst)
        places.front()->wake();
}

bool WaitLines::Place::isFirst() const
{
    const std::lock_guard guard(_lines._mutex);
    return _lines._lines.find(_name)->second.places.front() == this;
}

void WaitLines::Place::setHolder(const LockRecord& holder)
{
    const std::lock_guard guard(_lines._mutex);
    _lines._lines.find(_name)->second.holder = holder;
}

std::optional<LockRecord> WaitLines::Place::holder() const
{
    const std::lock_guard guard(_lines._mutex);
    return _lines._lines.find(_name)->second.holder;
}

bool WaitLines::exists(const std::string& name) const
{
    if (_waiting.load(std::memory_order_acquire) == 0)
        return false;
    const std::lock_guard guard(_mutex);
    return _lines.contains(name);
}

void WaitLines::mayBeFree(const std::string& name)
{
    if (_waiting.load(std::memory_order_acquire) == 0)
        return;
    const std::lock_guard guard(_mutex);
    if (const auto line = _lines.find(name); line != _lines.end())
        line->second.places.front()->wake();
}

} // namespace Leasehold
