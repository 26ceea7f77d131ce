#include "ConnectionPool.h"

#include "Leasehold/Exceptions.h"
#include "Patience.h"
#include "StoreConnection.h"

#include <algorithm>
#include <utility>

namespace Leasehold
{
namespace
{
/// The deadline may be by a clock that condition variables do not know, so it is looked at again after this time at the latest.
constexpr Milliseconds longestBlindWait{50};
} // namespace

ConnectionPool::ConnectionPool(std::size_t limit) : _limit(limit) {}

ConnectionPool::~ConnectionPool() = default;

ConnectionPool::Slot::Slot(ConnectionPool& pool, std::unique_ptr<StoreConnection> lent) : connection(std::move(lent)), _pool(&pool) {}

ConnectionPool::Slot::Slot(Slot&& other) noexcept : connection(std::move(other.connection)), _pool(std::exchange(other._pool, nullptr)) {}

ConnectionPool::Slot::~Slot()
{
    if (_pool)
        _pool->giveBack(std::move(connection));
}

ConnectionPool::Slot ConnectionPool::borrow(const Patience& patience, const std::string& path)
{
    std::unique_lock lock(_mutex);
    if (_inUse < _limit)
    {
        ++_inUse;
        std::unique_ptr<StoreConnection> lent;
        if (!_idle.empty())
        {
            lent = std::move(_idle.back());
            _idle.pop_back();
        }
        return Slot(*this, std::move(lent));
    }

    Waiter self;
    _waiters.push_back(&self);
    while (!self.served && !patience.isExhausted())
        self.ready.wait_for(lock, patience.context().cancel(), std::min(patience.context().timeLeft(), longestBlindWait),
                            [&self] { return self.served; });
    if (self.served)
        return Slot(*this, std::move(self.lent));
    _waiters.erase(std::find(_waiters.begin(), _waiters.end(), &self));
    throw LockStoreUnavailable("sqlite store " + path + ": all connections of this process were in use, and " + patience.whyExhausted() +
                               "; try again");
}

void ConnectionPool::giveBack(std::unique_ptr<StoreConnection> connection)
{
    const std::lock_guard lock(_mutex);
    if (!_waiters.empty())
    {
        auto* next = _waiters.front();
        _waiters.pop_front();
        next->lent = std::move(connection);
        next->served = true;
        next->ready.notify_one(); // under the lock: the waiter, and its condition variable, may be gone right after
        return;
    }
    --_inUse;
    if (connection)
        _idle.push_back(std::move(connection));
}

void ConnectionPool::closeIdle()
{
    std::vector<std::unique_ptr<StoreConnection>> closed;
    const std::lock_guard lock(_mutex);
    closed.swap(_idle);
}

bool ConnectionPool::holdForFork()
{
    _mutex.lock();
    _idle.clear();
    return _inUse != 0;
}

void ConnectionPool::resumeAfterFork()
{
    _mutex.unlock();
}

void ConnectionPool::abandon() noexcept
{
    for (auto& connection : _idle)
        static_cast<void>(connection.release());
    _idle.clear();
}

} // namespace Leasehold
