#pragma once

#include "LockKeys.h"
#include "StorageBench.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace Leasehold::Bench
{

/// The Txns by which the store acquires and releases one lock, on one keep-alive connection to the gateway and nothing more. Its lock hangs
/// on one lease that lasts for the whole measurement.
class BareEtcd : public BareClient
{
public:
    /// `url`: "etcd+http://127.0.0.1:PORT/PREFIX".
    BareEtcd(const std::string& url, std::string name);
    ~BareEtcd() override;
    BareEtcd(const BareEtcd&) = delete;
    BareEtcd& operator=(const BareEtcd&) = delete;

    bool pair() override;

private:
    std::string_view post(const std::string& path, const std::string& body);
    std::string_view txn(const std::string& operation);

    const std::string _name;
    int _port = 0;
    Etcd::LockKeys _keys;
    int _socket = -1;
    std::string _received{};
    std::string _ifStorage{};
    std::int64_t _lease = 0;
};

} // namespace Leasehold::Bench
