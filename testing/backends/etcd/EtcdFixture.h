#pragma once

#include "EtcdAnswer.h"
#include "EtcdServer.h"
#include "StoreFixture.h"

#include "Leasehold/EtcdLockStore.h"
#include "Leasehold/Store/ReleaseFeed.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

namespace Leasehold
{

/// What a feed has told. Thread-safe.
class FeedEvents : public ReleaseSink
{
public:
    std::atomic<int> confirmed = 0; ///< a watch was confirmed
    std::atomic<int> freed = 0;     ///< a lock may be free
    std::atomic<int> deafened = 0;

    void watching(const std::string&) override { ++confirmed; }
    void mayBeFree(const std::string&) override { ++freed; }
    void lost(std::span<const LeaseRef>) override {}
    void deaf(const std::string& why) override
    {
        const std::lock_guard guard(_mutex);
        _why = why;
        ++deafened;
    }
    std::string lastDeafness() const
    {
        const std::lock_guard guard(_mutex);
        return _why;
    }

private:
    mutable std::mutex _mutex;
    std::string _why;
};

/// A test with its own prefix on a server.
class EtcdFixture : public StoreFixture
{
public:
    void setUp() override;

protected:
    /// The server of the test.
    virtual EtcdServer& server() const = 0;

    EtcdOptions options() const;
    /// A store as another process would have it, prepared.
    std::unique_ptr<EtcdLockStore> open() const { return open(options()); }
    static std::unique_ptr<EtcdLockStore> open(const EtcdOptions& options);
    /// The answer of the server to a Txn.
    Etcd::TxnAnswer txn(const std::string& compares, const std::string& success, const std::string& failure = {}) const;
    /// How often this method of etcd's API was called.
    double calls(const std::string& method) const { return calls(server(), method); }
    static double calls(const EtcdServer& server, const std::string& method);

    std::string prefix{};
};

} // namespace Leasehold
