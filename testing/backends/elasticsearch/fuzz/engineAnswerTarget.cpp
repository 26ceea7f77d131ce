#include "fuzzing.h"

#include "EngineAnswer.h"
#include "EngineTrouble.h"
#include "EngineVersion.h"
#include "LockIndex.h"
#include "LockOperations.h"

#include <Poco/Dynamic/Var.h>
#include <Poco/Exception.h>
#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include <array>

namespace Leasehold::Fuzz
{

using namespace Elasticsearch;

namespace
{

using Poco::Dynamic::Var;

const std::string json = "application/json; charset=UTF-8";
const std::string token = "0123456789abcdef0123456789abcdef";
const AcquireRequest wanted{.name = "a", .token = token, .ttl = Milliseconds{30'000}};

/// A member of a tree; empty: it is missing.
Var at(const Var& tree, std::initializer_list<const char*> keys)
{
    Var found = tree;
    for (const char* key : keys)
    {
        if (found.type() != typeid(Poco::JSON::Object::Ptr))
            return {};
        found = found.extract<Poco::JSON::Object::Ptr>()->get(key);
    }
    return found;
}

bool isText(const Var& value, const std::string& text)
{
    return !value.isEmpty() && value.isString() && value.extract<std::string>() == text;
}

/// Whether a key occurs in the text more than once: no rule says which value counts then.
bool isAmbiguous(const std::string& body)
{
    for (const char* key : {"get", "_source", "token", "standing", "answer", "result", "items", "update", "status", "error", "type"})
    {
        const auto quoted = '"' + std::string(key) + '"';
        if (body.find(quoted, body.find(quoted) + 1) != std::string::npos)
            return true;
    }
    return body.find("\\u") != std::string::npos;
}

void requireRecord(const LockRecord& record)
{
    require(record.fence != 0 && record.remaining >= Milliseconds{0}, "a record has a fence, and never less than nothing left");
}

/// Checks that any item can be judged, and that only an engine's answer to a grant counts as a grant.
void requireSense(const EngineItem& item, const Var& tree, bool ambiguous)
{
    const auto verdict = judge(item);
    require(verdict.meaning != Meaning::done || (item.status >= 200 && item.status < 300), "what is done has a status that says so");
    if (verdict.meaning != Meaning::done)
        requireReadable(verdict.why);
    require(verdict.why.size() < 500 && verdict.why.find(token) == std::string::npos, "a verdict is short and shows no token");

    if (const auto reply = acquireReply(wanted, item))
    {
        if (reply->status != AcquireStatus::spent)
            requireRecord(reply->record);
        if (reply->status == AcquireStatus::granted && !ambiguous)
        {
            require(isText(at(tree, {"result"}), "created") || isText(at(tree, {"result"}), "updated"), "a grant changed the document");
            require(isText(at(tree, {"get", "_source", "token"}), token), "a grant left our token");
            require(isText(at(tree, {"get", "_source", "standing"}), "held"), "a grant left a lease");
        }
    }
    if (const auto reply = releaseReply(item); reply && !ambiguous)
    {
        const bool released = reply->status == ReleaseStatus::released;
        require(!released || isText(at(tree, {"result"}), "updated") || isText(at(tree, {"get", "_source", "answer"}), "released"),
                "what is released was");
        require(!reply->wanted || released, "only a lock that was released is told as wanted");
        require(!reply->broken || isText(at(tree, {"get", "_source", "answer"}), "broken"), "only an engine tells that a lock was broken");
    }
    if (const auto reply = renewReply({{"a", token, 1}, Milliseconds{30'000}}, item); reply && !ambiguous)
        require(reply->status != RenewStatus::renewed || isText(at(tree, {"result"}), "updated"), "what is renewed was changed");
    if (const auto found = foundRecord("a", item); found && *found)
        requireRecord(**found);
    isFenceExhausted(wanted, item);
}

} // namespace

void engineAnswer(std::string_view input)
{
    constexpr std::array statuses{200, 201, 302, 400, 401, 403, 404, 408, 409, 413, 429, 500, 503};
    if (input.empty())
        return;
    const int status = statuses[static_cast<unsigned char>(input.front()) % statuses.size()];
    const std::string body(input.substr(1));

    for (const std::string& type : {json, std::string("text/html"), std::string("application/vnd.elasticsearch+json"), body})
    {
        const auto answer = readEngineAnswer(status, type, body);
        const auto verdict = judge(answer, type);
        require(answer.whole.status == status, "the status is that of the answer, whatever its body says");
        require(answer.readable || (verdict.meaning != Meaning::done && answer.items.empty() && answer.hits.empty()),
                "of a body that cannot be read nothing is believed");
        if (!answer.readable)
            requireReadable(verdict.why);
    }

    const auto answer = readEngineAnswer(status, json, body);
    Var tree;
    if (answer.readable)
        tree = Poco::JSON::Parser().parse(body);
    const bool ambiguous = isAmbiguous(body);
    requireSense(answer.whole, tree, ambiguous);

    // An item belongs to the operation at its position.
    const auto items = at(tree, {"items"});
    if (const bool isList = items.type() == typeid(Poco::JSON::Array::Ptr); answer.readable && !ambiguous)
    {
        const auto list = isList ? items.extract<Poco::JSON::Array::Ptr>() : Poco::JSON::Array::Ptr(new Poco::JSON::Array);
        require(answer.items.size() == list->size(), "there are as many items as the answer has");
        for (unsigned position = 0; position < list->size(); ++position)
        {
            const auto item = at(list->get(position), {"update"});
            requireSense(answer.items[position], item, item.isEmpty()); // the operations were updates
        }
    }
    for (const auto& hit : answer.hits)
    {
        if (const auto record = recordOf("a", hit))
            requireRecord(*record);
    }

    if (const auto version = engineVersion(body); !version.empty())
        requireReadable(version);
    if (const auto index = LockIndex::examine("locks", body, 2); index && index->problem.empty())
    {
        const auto description = Poco::JSON::Parser().parse(body).extract<Poco::JSON::Object::Ptr>();
        require(description->size() == 1, "the alias of a usable index stands for it alone");
        require(at(description->begin()->second, {"mappings", "_meta", "schema"}) == LockIndex::schema, "a usable index has our schema");
    }
}

} // namespace Leasehold::Fuzz
