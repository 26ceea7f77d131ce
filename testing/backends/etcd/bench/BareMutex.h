#pragma once

#include "BareGateway.h"
#include "StorageBench.h"

#include <cstdint>
#include <string>

namespace Leasehold::Bench
{

/// The requests of concurrency.Mutex, the lock of etcd's own client library: one lease for its session; to lock, one Txn that puts its key
/// and reads the oldest key of the lock; to unlock, one deletion. The library sends them over gRPC, this class to the gateway.
class BareMutex : public BareClient
{
public:
    BareMutex(const std::string& url, const std::string& name);

    bool pair() override;

private:
    BareGateway _gateway;
    std::int64_t _lease = 0;
    std::string _lock{}, _unlock{};
};

} // namespace Leasehold::Bench
