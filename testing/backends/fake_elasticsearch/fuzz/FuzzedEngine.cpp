#include "FuzzedEngine.h"

#include "fuzzing.h"

#include "LockIndex.h"
#include "LockOperations.h"

#include <set>

namespace Leasehold::Fuzz
{

using namespace Elasticsearch;

FuzzedEngine::FuzzedEngine() : _engine([] { return std::int64_t{1'795'000'000'000}; })
{
    ask("PUT", "/locks-1", LockIndex::definition("locks", 0));
    const auto operation = acquireOperation({.name = "a", .token = "t", .ttl = Milliseconds{30'000}});
    const auto answer = ask("POST", "/locks/_update/a?require_alias=true&refresh=true", operation.body);
    require(answer.status == 201, "the lock is there: " + answer.body);
}

Fake::Answer FuzzedEngine::ask(const std::string& method, const std::string& target, const std::string& body,
                               const std::string& contentType)
{
    return _engine.handle({method, target, contentType, body});
}

Fake::Object FuzzedEngine::askAnything(const Fake::Request& request)
{
    static const std::set<int> known{200, 201, 400, 404, 405, 406, 409, 500, 501};
    require(!Fake::FakeEngine::kindsOf(request).empty(), "every request is of some kind");
    const auto answer = _engine.handle(request);
    require(known.contains(answer.status), "the status is one that an engine has: " + std::to_string(answer.status));
    const auto parsed = Fake::parseJson(answer.body);
    require(parsed.trouble == Fake::Parsed::Trouble::none && Fake::isObject(parsed.value), "an answer is JSON: " + answer.body);
    const auto body = parsed.value.extract<Fake::Object>();
    require(answer.status < 400 || answer.status == 404 || body->has("error"), "a refusal has an error: " + answer.body);
    return answer.status == 501 ? Fake::Object() : body;
}

std::int64_t FuzzedEngine::fence()
{
    const auto parsed = Fake::parseJson(ask("GET", "/locks-1/_doc/a").body);
    const auto document = Fake::isObject(parsed.value) ? parsed.value.extract<Fake::Object>() : Fake::Object();
    const auto fence = Fake::member(Fake::objectMember(document, "_source"), "fence");
    return !fence.isEmpty() && fence.isInteger() ? fence.convert<std::int64_t>() : 0;
}

} // namespace Leasehold::Fuzz
