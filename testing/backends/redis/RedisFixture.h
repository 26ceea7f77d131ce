#pragma once

#include "RedisServer.h"
#include "StoreFixture.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/RedisLockStore.h"
#include "Leasehold/waitUntil.h"

#include <cppunit/TestAssert.h>

#include <memory>
#include <optional>
#include <string>

namespace Leasehold
{

/// A test with a server of its own, which it may harm.
class RedisFixture : public StoreFixture
{
public:
    void tearDown() override;

protected:
    /// Starts the server of this test; the first call decides on its options.
    RedisServer& server(RedisServerOptions options = {}, RedisKind kind = RedisKind::redis7);

    /// A store as another process would have it, prepared. A new server grants at once, unless the options have another pause.
    std::unique_ptr<RedisLockStore> open(RedisOptions options = {.pauseAfterStart = {}});
    /// The same, not prepared.
    std::unique_ptr<RedisLockStore> openUnprepared(RedisOptions options);

    /// Makes the user "worker" with the password "hunter2" and the rights that operating.md of the store lists, and then changes these.
    static void addWorker(const RedisServer& server, const std::vector<std::string>& changes = {});

    /// Every key of the store's prefix.
    std::vector<std::string> keys();

private:
    std::unique_ptr<RedisServer> _server;
};

} // namespace Leasehold
