#include "WaitLines.h"

#include <algorithm>
#include <utility>

namespace Leasehold
{

WaitLines::Place::Place(WaitLines& lines, const std::string& name, const Clock& clock, const AcquireRequest* wish) :
    _lines(lines), _name(name), _wish(wish), _waiter(clock.makeWaiter())
{
    const std::lock_guard guard(_lines._mutex);
    _lines._lines[_name].places.push_back(this);
    ++_lines._waiting;
}

WaitLines::Place::~Place()
{
    std::optional<Baton> orphan;
    {
        const std::lock_guard guard(_lines._mutex);
        --_lines._waiting;
        auto& line = _lines.lineOf(*this);
        auto& places = line.places;
        const bool wasFirst = places.front() == this;
        places.erase(std::find(places.begin(), places.end(), this));
        if (places.empty())
        {
            orphan = std::move(line.baton);
            _lines._lines.erase(_name);
        }
        else if (wasFirst)
            places.front()->wake();
    }
    if (orphan)
        _lines._giveBack(*orphan);
}

bool WaitLines::Place::isFirst() const
{
    const std::lock_guard guard(_lines._mutex);
    return _lines.lineOf(*this).places.front() == this;
}

std::size_t WaitLines::Place::behind() const
{
    const std::lock_guard guard(_lines._mutex);
    const auto& places = _lines.lineOf(*this).places;
    return static_cast<std::size_t>(places.end() - std::find(places.begin(), places.end(), this)) - 1;
}

std::optional<WaitLines::Invitation> WaitLines::Place::invitation() const
{
    const std::lock_guard guard(_lines._mutex);
    return _lines.lineOf(*this).invitation;
}

std::optional<WaitLines::Invitation> WaitLines::Place::takeInvitation()
{
    const std::lock_guard guard(_lines._mutex);
    return std::exchange(_lines.lineOf(*this).invitation, std::nullopt);
}

std::optional<Baton> WaitLines::Place::takeBaton()
{
    const std::lock_guard guard(_lines._mutex);
    return std::exchange(_lines.lineOf(*this).baton, std::nullopt);
}

void WaitLines::Place::setHolder(const LockRecord& holder)
{
    const std::lock_guard guard(_lines._mutex);
    _lines.lineOf(*this).holder = holder;
}

std::optional<LockRecord> WaitLines::Place::holder() const
{
    const std::lock_guard guard(_lines._mutex);
    return _lines.lineOf(*this).holder;
}

bool WaitLines::exists(const std::string& name) const
{
    if (_waiting.load(std::memory_order_acquire) == 0)
        return false;
    const std::lock_guard guard(_mutex);
    return _lines.contains(name);
}

void WaitLines::mayBeFree(const std::string& name, LocalTime now, std::optional<LocalTime> turnBegan)
{
    if (_waiting.load(std::memory_order_acquire) == 0)
        return;
    const std::lock_guard guard(_mutex);
    const auto line = _lines.find(name);
    if (line == _lines.end())
        return;
    const auto had = turnBegan ? now - *turnBegan : Clock::duration{0};
    line->second.invitation =
        had < turn ? Invitation{now, turnBegan} : Invitation{now + std::min<Clock::duration>(had / 10, longestRest), std::nullopt};
    line->second.places.front()->wake();
}

bool WaitLines::handOver(const Baton& baton, LocalTime now)
{
    if (_waiting.load(std::memory_order_acquire) == 0 || now - baton.turnBegan >= turn)
        return false;
    const std::lock_guard guard(_mutex);
    const auto found = _lines.find(baton.ref.name);
    if (found == _lines.end())
        return false;
    auto& line = found->second;
    const auto* wish = line.places.front()->_wish;
    if (!wish || !baton.fits(*wish))
        return false;
    line.baton = baton;
    line.invitation.reset();
    line.places.front()->wake();
    return true;
}

} // namespace Leasehold
