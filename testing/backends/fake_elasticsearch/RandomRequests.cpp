#include "RandomRequests.h"

#include "LockIndex.h"
#include "LockOperations.h"
#include "LockSearch.h"
#include "net/HttpNode.h"

namespace Leasehold
{

using namespace Elasticsearch;

namespace
{

const std::string lines = "application/x-ndjson";
constexpr Milliseconds engineTimeout{5000};

std::string path(const std::string& index, const std::string& name)
{
    return "/" + index + "/_doc/" + Net::percentEncoded(name);
}

} // namespace

RandomRequests::RandomRequests(std::uint64_t seed, std::int64_t now) : _random(seed), _now(now) {}

const std::vector<std::string>& RandomRequests::names()
{
    static const std::vector<std::string> all{"a", "b", "job/1 %", "gr\xc3\xbcn", std::string(512, 'x')};
    return all;
}

PlannedRequest RandomRequests::creation()
{
    auto definition = LockIndex::definition(alias, 0);
    // An automatic refresh would come at different times on the two nodes.
    const std::string interval = R"("refresh_interval":"5s")";
    definition.replace(definition.find(interval), interval.size(), R"("refresh_interval":"-1")");
    return {"create the index", false, "PUT", std::string("/") + index, definition};
}

PlannedRequest RandomRequests::next()
{
    if (_coming.empty())
        _coming.push_back(chance(25) ? malformed() : wellFormed());
    auto request = _coming.front();
    _coming.pop_front();
    return request;
}

std::size_t RandomRequests::below(std::size_t bound)
{
    return static_cast<std::size_t>(_random() % bound); // not a distribution of the standard library: those differ between implementations
}

PlannedRequest RandomRequests::wellFormed()
{
    const auto kind = below(1000);
    return kind < 550 ? update() : kind < 800 ? bulk() : kind < 900 ? search() : kind < 990 ? document() : setUp();
}

LockOperation RandomRequests::operation(std::string& what)
{
    const auto position = below(names().size());
    const auto& name = names()[position];
    const std::string token = pick({"t1", "t2", "t\"3\\"});
    const auto ttl = pick({Milliseconds(0), Milliseconds(600'000), Milliseconds(3'600'000)});
    const Fence fence = chance(75) ? fencePlaceholder(position) : Fence{17};
    const LeaseRef lease{name, token, fence};
    const auto kind = below(100);
    if (kind < 35)
    {
        what = "acquire";
        const Fence floor = chance(96) ? 0 : pick({Fence{1}, Fence{2'900'000'000'000'000}, maxFence - 1, maxFence});
        const Fence spare = chance(80) ? 0 : pick({Fence{1}, Fence{1000}, maxFence});
        const auto wantedFor = chance(60) ? Milliseconds(0) : pick({Milliseconds(600'000), Milliseconds(1'200'000)});
        return acquireOperation({.name = name,
                                 .token = token,
                                 .ttl = ttl,
                                 .metadata = pick({"{}", R"({"host":"web \"1\"","n":1})"}),
                                 .fenceFloor = floor,
                                 .reservedFences = spare,
                                 .wantedFor = wantedFor});
    }
    if (kind < 50)
    {
        what = "renew";
        return renewOperation({lease, ttl});
    }
    if (kind < 65)
    {
        what = "release";
        return releaseOperation(lease);
    }
    if (kind < 75)
    {
        what = "break";
        return breakOperation(name, fence, chance(50) ? BreakMode::now : BreakMode::whenItEnds);
    }
    if (kind < 85)
    {
        what = "find";
        return findOperation(name);
    }
    if (kind < 95)
    {
        what = "prune";
        return pruneOperation(name, pick({Milliseconds(3'600'000), Milliseconds(86'400'000)}));
    }
    what = "probe";
    return probeOperation();
}

PlannedRequest RandomRequests::update()
{
    PlannedRequest request;
    const auto one = operation(request.what);
    request.method = "POST";
    request.target = updatePath(chance(97) ? alias : "nothing", one.id, engineTimeout);
    // Also without the store's filter_path, so that whole answers are compared.
    if (const auto filter = request.target.find("&filter_path"); chance(50))
        request.target.resize(filter);
    request.body = one.body;
    return request;
}

PlannedRequest RandomRequests::bulk()
{
    PlannedRequest request;
    request.method = "POST";
    request.target = bulkPath(chance(98) ? alias : "nothing", engineTimeout);
    if (const auto filter = request.target.find("&filter_path"); chance(50))
        request.target.resize(filter);
    request.contentType = lines;
    request.what = "bulk of";
    for (auto left = 1 + below(5); left > 0; --left)
    {
        std::string what;
        appendBulkLines(request.body, operation(what));
        request.what += " " + what;
    }
    return request;
}

PlannedRequest RandomRequests::search()
{
    const std::string name = chance(97) ? alias : "nothing";
    auto target = LockSearch::path(name);
    if (const auto filter = target.find("&filter_path"); chance(50))
        target.resize(filter);
    const auto size = pick({std::size_t{1}, std::size_t{2}, LockSearch::pageAtMost});
    PlannedRequest request{"search for live locks", false, "POST", target, {}};
    if (chance(60))
        request.body = LockSearch::live(pick({"", "a", "job/",
                                              "\xc3"
                                              "\xbc"}),
                                        pick({"", "a", "gr\xc3\xbcn"}), size);
    else
    {
        request.what = "search for dead locks";
        request.body =
            LockSearch::dead(pick({Milliseconds(3'600'000), Milliseconds(86'400'000), Milliseconds::max()}), LockSearch::pageAtMost);
    }
    if (chance(50))
        return request;
    _coming.push_back(request);
    return {"refresh", false, "POST", "/" + name + "/_refresh" + (chance(50) ? "?filter_path=error.type" : ""), {}};
}

PlannedRequest RandomRequests::document()
{
    const auto position = below(names().size());
    const auto& name = names()[position];
    const auto kind = below(100);
    if (kind < 50)
        return {"read a document", false, "GET", path(index, name), {}};
    if (kind < 55)
        return {"look for a document", false, "HEAD", path(index, name), {}};
    if (kind < 65)
        return {"delete a document", false, "DELETE", path(index, name), {}};
    constexpr std::int64_t hour = 3'600'000;
    const auto expires = _now + pick({-48 * hour, -2 * hour, hour, 2 * hour});
    const auto fence = (_now - pick({72 * hour, 3 * hour, std::int64_t{1000}}) - static_cast<std::int64_t>(below(1000))) * 1000;
    const auto standing = pick({"held", "broken", "released", "freed"});
    // The lease ends an hour later than its TTL allows: the clock had been ahead.
    const auto ttl = pick({600'000, 7'200'000 * 2});
    const auto wanted = pick({"", R"(,"wanted":0)", R"(,"wanted":9000000000000)"});
    std::string body = R"({"name":"placeholder","token":"t1","standing":")" + std::string(standing) + R"(","fence":)" +
                       std::to_string(fence) + R"(,"acquired":)" + std::to_string(_now - 73 * hour) + R"(,"expires":)" +
                       std::to_string(expires) + R"(,"ttl":)" + std::to_string(ttl) + R"(,"metadata":"{}","now":)" +
                       std::to_string(_now - 72 * hour) + wanted + "}";
    body.replace(body.find("placeholder"), 11, name);
    return {"write a document", false, "PUT", path(index, name) + (chance(30) ? "?refresh=true" : ""), body};
}

PlannedRequest RandomRequests::setUp()
{
    switch (below(8))
    {
    case 0:
        return {"make an index", false, "PUT", "/spare-1?timeout=5000ms", LockIndex::definition("spare", pick({0, 1, 2}))};
    case 1:
        return {"delete an index", false, "DELETE", pick({"/spare-1", "/spare-1", "/spare"}), {}};
    case 2:
    case 3:
        return {"read an index", false, "GET", pick({"/locks", "/spare", "/locks-1", "/nothing"}), {}};
    case 4:
    case 5:
        return {"read an index as the store does",
                false,
                "GET",
                std::string(pick({"/locks", "/spare", "/nothing"})) + "?filter_path=*.mappings,*.settings.index.uuid",
                {}};
    case 6:
        return {"look for an index", false, "HEAD", pick({"/locks", "/spare", "/nothing"}), {}};
    default:
        return creation();
    }
}

} // namespace Leasehold
