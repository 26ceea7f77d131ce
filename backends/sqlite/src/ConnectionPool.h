#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

namespace Leasehold
{

class Patience;
class StoreConnection;

/// Lends a bounded number of connections, the one used last first, to whoever has waited longest. Thread-safe.
class ConnectionPool
{
public:
    explicit ConnectionPool(std::size_t limit);
    ~ConnectionPool();
    ConnectionPool(const ConnectionPool&) = delete;
    ConnectionPool& operator=(const ConnectionPool&) = delete;

    /// The right to use one connection, until it is destroyed. `connection` is empty if the borrower must open it; it may be
    /// emptied to close it for good.
    class Slot
    {
    public:
        Slot(ConnectionPool& pool, std::unique_ptr<StoreConnection> lent);
        ~Slot();
        Slot(Slot&& other) noexcept;
        Slot& operator=(Slot&&) = delete;

        std::unique_ptr<StoreConnection> connection;

    private:
        ConnectionPool* _pool;
    };

    /// nullopt-like: a Slot cannot be had before the patience ends, then LockStoreUnavailable is thrown; `path` names the store.
    Slot borrow(const Patience& patience, const std::string& path);

    /// Closes the connections that nobody uses.
    void closeIdle();

    /// For a fork: nothing is lent from the first call to the second. The answer: whether a connection is in use.
    bool holdForFork();
    void resumeAfterFork();

    /// In a forked child: gives the parent's connections up without touching them. Nothing may use the pool afterwards.
    void abandon() noexcept;

private:
    struct Waiter
    {
        std::condition_variable_any ready{};
        bool served = false;
        std::unique_ptr<StoreConnection> lent{};
    };

    void giveBack(std::unique_ptr<StoreConnection> connection);

    const std::size_t _limit;
    std::mutex _mutex;
    std::size_t _inUse = 0;
    std::vector<std::unique_ptr<StoreConnection>> _idle;
    std::deque<Waiter*> _waiters;
};

} // namespace Leasehold
