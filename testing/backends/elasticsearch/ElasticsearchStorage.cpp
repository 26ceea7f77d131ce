#include "ElasticsearchStorage.h"

#include "Leasehold/ElasticsearchLockStore.h"

#include <Poco/Exception.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace Leasehold
{
namespace
{

EngineKind engineKind(const std::string& kind)
{
    if (kind == "opensearch3")
        return EngineKind::openSearch3;
    if (kind == "elasticsearch7")
        return EngineKind::elasticsearch7;
    throw std::invalid_argument("no storage for tests is called \"" + kind + "\"; allowed are opensearch3 and elasticsearch7");
}

} // namespace

ElasticsearchStorage::ElasticsearchStorage(const std::string& kind, EngineOptions options) :
    _kind(engineKind(kind)), _node(_kind, std::move(options))
{
}

std::string ElasticsearchStorage::emptyStorage()
{
    repair();
    warmUp();
    _index = "tested-" + std::to_string(++_indices);
    return urlThrough(_node.port());
}

std::string ElasticsearchStorage::properties() const
{
    return "leasehold.store.elasticsearch.url = " + _node.url() + "\nleasehold.store.elasticsearch.index = " + _index +
           "\nleasehold.store.elasticsearch.replicas = 0\n";
}

std::size_t ElasticsearchStorage::countTables()
{
    const auto reply = _node.ask("GET", "/_cat/indices/" + _index + "*?h=index&expand_wildcards=all");
    if (reply.status != 200)
        throw std::runtime_error("the indices were not listed: " + reply.body);
    return static_cast<std::size_t>(std::count(reply.body.begin(), reply.body.end(), '\n'));
}

std::string ElasticsearchStorage::urlThrough(int port) const
{
    return "elasticsearch+http://127.0.0.1:" + std::to_string(port) + "/" + _index + "?replicas=0";
}

void ElasticsearchStorage::restart()
{
    _node.restart();
    warmUp();
}

void ElasticsearchStorage::remove(const std::string& index)
{
    if (const auto reply = _node.ask("DELETE", "/" + index + "-1"); reply.status != 200)
        throw std::runtime_error("index " + index + "-1 cannot be deleted: " + reply.body);
}

/// A test that failed halfway may have left the node stopped or dead. Also removes the index of that test.
void ElasticsearchStorage::repair()
{
    try
    {
        _node.resume();
        if (!_index.empty())
            _node.ask("DELETE", "/" + _index + "-1");
    }
    catch (const Poco::Exception&)
    {
        _node.restart();
    }
}

/// Uses every verb once. On a loaded machine the first answers of a node are seconds later than the tested deadlines.
void ElasticsearchStorage::warmUp()
{
    if (_warm == _node.pid()) // a restarted node is another process
        return;
    constexpr const char* index = "warm-up";
    constexpr auto ttl = std::chrono::minutes{10};
    const auto context = CallContext::within(std::chrono::minutes{2});
    ElasticsearchOptions options;
    options.nodes = {_node.url()};
    options.index = index;
    options.replicas = 0;
    ElasticsearchLockStore store(options);
    store.prepare(context);
    const auto reply = store.acquire({"a", "t", ttl, "{}", 0}, context);
    const std::vector<RenewRequest> two{{{"a", "t", reply.record.fence}, ttl}, {{"b", "t", reply.record.fence}, ttl}}; // a bulk
    store.renew(two, context);
    store.find("a", context);
    store.list({}, context);
    store.release({"a", "t", reply.record.fence}, context);
    store.prune(std::chrono::hours{1}, context);
    remove(index);
    _warm = _node.pid();
}

std::unique_ptr<StorageAdapter> elasticsearchStorage(const std::string& kind)
{
    return std::make_unique<ElasticsearchStorage>(kind);
}

} // namespace Leasehold
