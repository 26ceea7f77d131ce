#pragma once

#include "BareGateway.h"
#include "LockKeys.h"
#include "StorageBench.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace Leasehold::Bench
{

/// The Txns by which the store acquires and releases one lock. Its lock hangs on one lease that lasts for the whole measurement.
class BareEtcd : public BareClient
{
public:
    /// As BareGateway.
    BareEtcd(const std::string& url, std::string name);

    bool pair() override;

private:
    std::string_view txn(const std::string& operation);

    BareGateway _gateway;
    const std::string _name;
    Etcd::LockKeys _keys;
    std::string _ifStorage{};
    std::int64_t _lease = 0;
};

} // namespace Leasehold::Bench
