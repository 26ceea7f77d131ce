#include "BareEtcd.h"

#include "EtcdAnswer.h"
#include "StepOperations.h"
#include "txnText.h"

#include <atomic>
#include <chrono>
#include <stdexcept>

namespace Leasehold::Bench
{
namespace
{

std::int64_t wallNow()
{
    using namespace std::chrono;
    return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

} // namespace

BareEtcd::BareEtcd(const std::string& url, std::string name) : _gateway(url), _name(std::move(name)), _keys(BareGateway::prefixIn(url))
{
    const auto storage = Etcd::readTxn(std::string(_gateway.post("/v3/kv/txn", Etcd::txnText({}, Etcd::readKey(_keys.storage()), {}))));
    _ifStorage = Etcd::ifValue(_keys.storage(), Etcd::Relation::equal, storage.value().txn.responses.at(0).found.at(0).value);
    _lease = Etcd::readLease(std::string(_gateway.post("/v3/lease/grant", R"({"TTL":"3600"})"))).value().id;
}

bool BareEtcd::pair()
{
    static std::atomic<std::uint64_t> pairs{0}; // the same token would be the same request
    const auto token = "token " + std::to_string(++pairs);
    const auto grant = Etcd::acquireOperation(_keys, {_name, token, std::chrono::seconds(30)}, 0, wallNow());
    if (txn(grant.text).find("response_put") == std::string_view::npos)
        return false;
    if (txn(Etcd::releaseOperation(_keys, {_name, token, grant.fence}, wallNow())).find("response_put") == std::string_view::npos)
        throw std::runtime_error("bare etcd: a lock was not held at its release");
    return true;
}

std::string_view BareEtcd::txn(const std::string& operation)
{
    std::string success;
    Etcd::appendWithLease(success, operation, _lease);
    return _gateway.post("/v3/kv/txn", Etcd::txnText(_ifStorage, success, Etcd::readKey(_keys.storage())));
}

} // namespace Leasehold::Bench
