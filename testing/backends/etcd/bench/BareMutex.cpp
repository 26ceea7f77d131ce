#include "BareMutex.h"

#include "EtcdAnswer.h"
#include "base64.h"
#include "txnText.h"

#include <stdexcept>

namespace Leasehold::Bench
{

BareMutex::BareMutex(const std::string& url, const std::string& name) : _gateway(url)
{
    _lease = Etcd::readLease(std::string(_gateway.post("/v3/lease/grant", R"({"TTL":"3600"})"))).value().id;
    const auto prefix = "mutex/" + name + '/';
    const auto key = prefix + std::to_string(_lease); // so does the library
    std::string put;
    Etcd::appendWithLease(put, Etcd::putOnLease(key), _lease);
    const auto oldest = R"({"request_range":{"key":")" + Etcd::base64(prefix) + R"(","range_end":")" +
                        Etcd::base64(Etcd::endOfPrefix(prefix)) + R"(","limit":"1","sort_order":"ASCEND","sort_target":"CREATE"}})";
    _lock = Etcd::txnText(Etcd::ifAbsent(key), Etcd::listed(put, oldest), Etcd::listed(Etcd::readKey(key), oldest));
    _unlock = R"({"key":")" + Etcd::base64(key) + "\"}";
}

bool BareMutex::pair()
{
    const auto answer = Etcd::readTxn(std::string(_gateway.post("/v3/kv/txn", _lock))).value();
    const auto* const oldest = answer.txn.succeeded && answer.txn.responses.size() == 2 ? answer.txn.responses[1].only() : nullptr;
    if (!oldest || oldest->lease != _lease)
        throw std::runtime_error("bare etcd: a mutex of its own name was held by another");
    if (_gateway.post("/v3/kv/deleterange", _unlock).find(R"("deleted":"1")") == std::string_view::npos)
        throw std::runtime_error("bare etcd: a mutex was not held when it was unlocked");
    return true;
}

} // namespace Leasehold::Bench
