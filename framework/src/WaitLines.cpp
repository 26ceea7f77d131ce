#include "WaitLines.h"

#include <algorithm>
#include <utility>

namespace Leasehold
{

WaitLines::Place::Place(WaitLines& lines, const std::string& name, const TimeSource& clock, const AcquireRequest* wish) :
    _lines(lines), _name(name), _wish(wish), _waiter(clock.makeWaiter())
{
    const std::lock_guard guard(_lines._mutex);
    auto& line = _lines._lines[_name];
    line.places.push_back(this);
    ++_lines._waiting;
    if (const auto rest = _lines._rests.find(_name); rest != _lines._rests.end())
    {
        if (clock.now() < rest->second.askAt)
            line.invitation = rest->second;
        _lines.forgetRest(_name);
    }
}

WaitLines::Place::~Place()
{
    std::optional<LeaseHandoff> orphan;
    {
        const std::lock_guard guard(_lines._mutex);
        --_lines._waiting;
        auto& line = _lines.lineOf(*this);
        auto& places = line.places;
        const bool wasFirst = places.front() == this;
        places.erase(std::find(places.begin(), places.end(), this));
        if (_handoff && !give(line, *_handoff))
            orphan = std::move(_handoff);
        if (places.empty())
            _lines._lines.erase(_name);
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

LocalTime WaitLines::Place::askAt(LocalTime pollAt) const
{
    const std::lock_guard guard(_lines._mutex);
    const auto& invitation = _lines.lineOf(*this).invitation;
    if (!invitation)
        return pollAt;
    return invitation->rests ? invitation->askAt : std::min(invitation->askAt, pollAt);
}

std::optional<WaitLines::Question> WaitLines::Place::beginQuestion(LocalTime now)
{
    const std::lock_guard guard(_lines._mutex);
    if (_handoff)
        return std::nullopt;
    _asks = true;
    auto& line = _lines.lineOf(*this);
    Question question{.reservedFences = fencesFor(line, *this), .isNoted = line.isNoted};
    const auto& invitation = line.invitation;
    if (invitation && line.places.front() == this && (invitation->rests || invitation->askAt <= now))
    {
        question.turnBegan = invitation->turnBegan;
        question.afterOwnRelease = invitation->afterOwnRelease;
        line.invitation.reset();
    }
    return question;
}

void WaitLines::Place::endQuestion()
{
    const std::lock_guard guard(_lines._mutex);
    _asks = false;
}

std::optional<LeaseHandoff> WaitLines::Place::takeHandoff()
{
    const std::lock_guard guard(_lines._mutex);
    return std::exchange(_handoff, std::nullopt);
}

std::optional<LeaseRef> WaitLines::Place::endHandedLease()
{
    const std::lock_guard guard(_lines._mutex);
    auto& line = _lines.lineOf(*this);
    for (auto* place : line.places)
        place->_handoff.reset();
    return std::exchange(line.handed, std::nullopt);
}

void WaitLines::Place::wantWatch()
{
    const std::lock_guard guard(_lines._mutex);
    _lines.lineOf(*this).wantsWatch = true;
}

bool WaitLines::Place::isWatched() const
{
    const std::lock_guard guard(_lines._mutex);
    return _lines.lineOf(*this).isWatched;
}

bool WaitLines::Place::setHolder(const LockRecord& holder, LocalTime heard)
{
    const std::lock_guard guard(_lines._mutex);
    auto& news = _lines.lineOf(*this).news;
    const bool isNew = !news.holder || news.holder->fence != holder.fence;
    news = {.holder = holder, .heldUntil = later(heard, holder.remaining), .isOurs = !isNew && news.isOurs};
    return isNew;
}

void WaitLines::Place::setOurs()
{
    const std::lock_guard guard(_lines._mutex);
    _lines.lineOf(*this).news.isOurs = true;
}

void WaitLines::Place::setNoted(bool noted)
{
    const std::lock_guard guard(_lines._mutex);
    _lines.lineOf(*this).isNoted = noted;
}

void WaitLines::Place::setOutage(const Outage& outage)
{
    const std::lock_guard guard(_lines._mutex);
    _lines.lineOf(*this).news.outage = outage;
}

WaitLines::News WaitLines::Place::news() const
{
    const std::lock_guard guard(_lines._mutex);
    const auto& line = _lines.lineOf(*this);
    auto news = line.news;
    if (line.handed && news.holder && line.handed->fence == news.holder->fence)
        news.isOurs = true;
    return news;
}

void WaitLines::released(const std::string& name, LocalTime now, LocalTime turnBegan, Others others)
{
    const bool wanted = others == Others::waiting;
    if (!wanted && _waiting.load(std::memory_order_acquire) == 0)
        return;
    const auto had = now - turnBegan;
    Invitation invitation{now, turnBegan};
    if (wanted) // the turn goes on until another process gets the lock, so the next rest is longer if none got it in this one
        invitation.askAt = now + std::clamp<LocalClock::duration>(had / 10, shortestRest, longestRest);
    else if (had >= turn)
        invitation = {now + (others == Others::absent ? LocalClock::duration{0} : std::min<LocalClock::duration>(had / 10, longestRest)),
                      std::nullopt};

    const std::lock_guard guard(_mutex);
    const auto line = _lines.find(name);
    if (line != _lines.end())
    {
        line->second.handed.reset();
        line->second.invitation = invitation;
        line->second.places.front()->wake();
    }
    else if (wanted)
        rest(name, invitation, now);
    else
        forgetRest(name);
}

/// Keeps the invitation for the next thread of this process that wants the lock.
void WaitLines::rest(const std::string& name, const Invitation& invitation, LocalTime now)
{
    if (_rests.size() >= _pruneRestsAt)
    {
        _waiting -= std::erase_if(_rests, [now](const auto& each) { return each.second.askAt <= now; });
        _pruneRestsAt = std::max<std::size_t>(64, 2 * _rests.size());
    }
    if (_rests.insert_or_assign(name, invitation).second)
        ++_waiting;
}

void WaitLines::forgetRest(const std::string& name)
{
    _waiting -= _rests.erase(name);
}

void WaitLines::invite(const std::string& name, LocalTime at)
{
    if (_waiting.load(std::memory_order_acquire) == 0)
        return;
    const std::lock_guard guard(_mutex);
    if (const auto line = _lines.find(name); line != _lines.end())
        invite(line->second, at);
}

void WaitLines::invite(Line& line, LocalTime at)
{
    if (!line.invitation || !line.invitation->rests)
        line.invitation = Invitation{.askAt = at, .rests = false, .afterOwnRelease = false};
    line.places.front()->wake();
}

void WaitLines::dropHandoffs(const std::string& name, Fence fence)
{
    const std::lock_guard guard(_mutex);
    const auto line = _lines.find(name);
    if (line == _lines.end() || !line->second.handed || line->second.handed->fence != fence)
        return;
    for (auto* place : line->second.places)
        place->_handoff.reset();
    line->second.handed.reset();
}

bool WaitLines::wantsWatch(const std::string& name) const
{
    const std::lock_guard guard(_mutex);
    const auto line = _lines.find(name);
    return line != _lines.end() && line->second.wantsWatch;
}

void WaitLines::confirmWatch(const std::string& name, LocalTime now)
{
    const std::lock_guard guard(_mutex);
    const auto line = _lines.find(name);
    if (line == _lines.end() || !line->second.wantsWatch)
        return;
    line->second.isWatched = true;
    invite(line->second, now);
}

void WaitLines::endWatches()
{
    const std::lock_guard guard(_mutex);
    for (auto& [name, line] : _lines)
        if (std::exchange(line.isWatched, false))
            line.places.front()->wake();
}

bool WaitLines::handOver(const LeaseHandoff& handoff, LocalTime now)
{
    if (_waiting.load(std::memory_order_acquire) == 0 || now - handoff.turnBegan >= turn)
        return false;
    const std::lock_guard guard(_mutex);
    const auto found = _lines.find(handoff.ref.name);
    if (found == _lines.end() || !give(found->second, handoff))
        return false;
    found->second.invitation.reset();
    return true;
}

/// Skips a place that is asking the store: the lock would be idle until the answer comes, and the store may hang.
bool WaitLines::give(Line& line, const LeaseHandoff& handoff)
{
    const auto taker = std::ranges::find_if(line.places, [](const Place* place) { return !place->_asks && !place->_handoff; });
    if (taker == line.places.end() || !(*taker)->_wish || !handoff.fits(*(*taker)->_wish))
        return false;
    (*taker)->_handoff = handoff;
    line.handed = handoff.ref;
    (*taker)->wake();
    return true;
}

/// Counts the threads up to the first one that wants another lease: there the lease is released, so no fence is needed from there on. The
/// fence of the grant will be greater than the holder's, so it satisfies each floor up to the holder's fence.
Fence WaitLines::fencesFor(const Line& line, const Place& asking)
{
    const auto* wish = asking._wish;
    if (!wish)
        return 0;
    const auto floor = std::max(wish->fenceFloor, line.news.holder ? line.news.holder->fence : 0);
    Fence fences = 0;
    for (const auto* place : line.places)
    {
        if (place == &asking)
            continue;
        const auto* other = place->_wish;
        const bool fits = other && other->ttl == wish->ttl && other->metadata == wish->metadata && other->fenceFloor <= floor;
        if (!fits || fences == maxReservedFences)
            break;
        ++fences;
    }
    return fences;
}

} // namespace Leasehold
