#include "EtcdStorage.h"

#include <exception>

namespace Leasehold
{

std::string EtcdStorage::emptyStorage()
{
    repair();
    _prefix = "tested-" + std::to_string(++_prefixes);
    return urlThrough(_etcd.port());
}

std::string EtcdStorage::properties() const
{
    return "leasehold.store.etcd.url = " + _etcd.url() + "\nleasehold.store.etcd.prefix = " + _prefix + "\n";
}

// A prepared storage has the key of the schema and no other.
std::size_t EtcdStorage::countTables()
{
    return _etcd.countKeys(_prefix + "/v");
}

std::string EtcdStorage::urlThrough(int port) const
{
    return "etcd+http://127.0.0.1:" + std::to_string(port) + "/" + _prefix + _parameters;
}

// A test that failed halfway may have left the server stopped or dead.
void EtcdStorage::repair()
{
    try
    {
        _etcd.resume();
        _etcd.ask("GET", "/health");
    }
    catch (const std::exception&)
    {
        _etcd.restart();
    }
}

std::unique_ptr<StorageAdapter> etcdStorage(const std::string& kind)
{
    return std::make_unique<EtcdStorage>(etcdKind(kind));
}

} // namespace Leasehold
