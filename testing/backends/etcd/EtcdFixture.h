#pragma once

#include "EtcdAnswer.h"
#include "EtcdServer.h"
#include "StoreFixture.h"

#include "Leasehold/EtcdLockStore.h"
#include "Leasehold/Store/ReleaseFeed.h"

#include <atomic>
#include <memory>
#include <string>

namespace Leasehold
{

/// What a feed has told. Thread-safe.
class FeedEvents : public ReleaseSink
{
public:
    std::atomic<bool> hears = false;  ///< a watch was confirmed
    std::atomic<bool> isFree = false; ///< a lock may be free

    void watching(const std::string&) override { hears = true; }
    void mayBeFree(const std::string&) override { isFree = true; }
    void lost(std::span<const LeaseRef>) override {}
    void deaf(const std::string&) override { hears = false; }
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
    /// The sum of a counter of the server over all its labels that contain `label`.
    double counter(const std::string& name, const std::string& label) const;

    std::string prefix{};
};

} // namespace Leasehold
