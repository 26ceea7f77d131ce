#include "FakeEngine.h"

#include "ElasticsearchScripts.h"
#include "EngineFailure.h"
#include "FakeSearch.h"
#include "FilterPath.h"
#include "IndexDefinition.h"
#include "LockScripts.h"
#include "Route.h"
#include "SourceFilter.h"

#include <array>
#include <string_view>

namespace Leasehold::Fake
{

namespace
{

/// A script as it stands in the body of a request, between its quotes.
std::string escaped(std::string_view script)
{
    const auto quoted = toText(Value(std::string(script)));
    return quoted.substr(1, quoted.size() - 2);
}

// Engines leave an error whole, whatever the filter_path.
Answer errorAnswer(const Failure& failure)
{
    Answer answer;
    answer.status = failure.status;
    answer.body = toText(failure.body());
    return answer;
}

Answer answerOf(const Request& request, int status, const Object& body)
{
    try
    {
        Answer answer;
        answer.status = status;
        answer.body = toText(filtered(body, Route::filterPathOf(request)));
        return answer;
    }
    catch (const Failure& failure)
    {
        return errorAnswer(failure);
    }
}

Object shards(int total, int successful)
{
    return object({{"total", total}, {"successful", successful}, {"failed", 0}});
}

/// `found`: the document; nullptr: there is none.
ScriptOutcome outcomeOf(const UpdateRequest& update, const DocumentPtr& found, std::int64_t now)
{
    if (!found && !update.scriptedUpsert)
        return {ScriptOutcome::Operation::index, update.upsert};
    auto outcome = runLockScript(update.script, update.params, found ? found->source : update.upsert, now);
    if (!found && outcome.operation == ScriptOutcome::Operation::remove)
        outcome.operation = ScriptOutcome::Operation::noop;
    return outcome;
}

/// Adds what the answer to an update says of the document.
void addVersion(Object& result, std::int64_t version, std::int64_t sequence)
{
    result->set("_version", version);
    result->set("_seq_no", sequence);
    result->set("_primary_term", 1);
}

Object shownDocument(std::int64_t sequence, const Value& shown, const Object& source)
{
    auto document = object({{"_seq_no", sequence}, {"_primary_term", 1}, {"found", true}});
    if (const auto part = shownSource(shown, source))
        document->set("_source", part);
    return document;
}

} // namespace

FakeEngine::FakeEngine(std::function<std::int64_t()> now) : _now(std::move(now)) {}

Answer FakeEngine::handle(const Request& request, const std::optional<FakeFault>& itemFault)
{
    const std::lock_guard lock(_mutex);
    try
    {
        const Route route(request);
        int status = 200;
        const auto body = answer(route, request, itemFault, status);
        return answerOf(request, status, body);
    }
    catch (const Failure& failure)
    {
        return errorAnswer(failure);
    }
}

std::set<FakeRequest> FakeEngine::kindsOf(const Request& request)
{
    try
    {
        switch (const Route route(request); route.kind())
        {
        case Route::Kind::createIndex:
            return {FakeRequest::createIndex};
        case Route::Kind::describeIndex:
            return {FakeRequest::readIndex};
        case Route::Kind::deleteIndex:
            return {FakeRequest::deleteIndex};
        case Route::Kind::refresh:
            return {FakeRequest::refresh};
        case Route::Kind::search:
            return {FakeRequest::search};
        case Route::Kind::update:
        case Route::Kind::bulk:
        {
            static const std::array<std::pair<FakeRequest, std::string>, 7> scripts{{
                {FakeRequest::acquire, escaped(ElasticsearchScripts::acquire)},
                {FakeRequest::renew, escaped(ElasticsearchScripts::renew)},
                {FakeRequest::release, escaped(ElasticsearchScripts::release)},
                {FakeRequest::breakLock, escaped(ElasticsearchScripts::breakLock)},
                {FakeRequest::find, escaped(ElasticsearchScripts::find)},
                {FakeRequest::prune, escaped(ElasticsearchScripts::prune)},
                {FakeRequest::probe, "\"" + escaped(ElasticsearchScripts::probe) + "\""},
            }};
            std::set<FakeRequest> kinds{route.kind() == Route::Kind::bulk ? FakeRequest::bulk : FakeRequest::update};
            for (const auto& [kind, script] : scripts)
            {
                if (request.body.find(script) != std::string::npos)
                    kinds.insert(kind);
            }
            return kinds;
        }
        default:
            break;
        }
    }
    catch (const Failure&)
    {
        // Nothing that a node could do.
    }
    return {FakeRequest::other};
}

Answer FakeEngine::refusal(const FakeFault& fault)
{
    if (fault.errorType().empty())
        return {fault.status(), fault.contentType(), fault.body()};
    return errorAnswer(failure(fault.status(), fault.errorType(), fault.reason()));
}

Object FakeEngine::answer(const Route& route, const Request& request, const std::optional<FakeFault>& itemFault, int& status)
{
    switch (route.kind())
    {
    case Route::Kind::root:
        route.requireKnownParameters();
        return rootPage();
    case Route::Kind::createIndex:
        return createIndex(route, request);
    case Route::Kind::describeIndex:
        route.requireKnownParameters();
        return describe(route);
    case Route::Kind::deleteIndex:
        route.requireKnownParameters();
        return deleteIndex(route);
    case Route::Kind::refresh:
        route.requireKnownParameters();
        return refresh(route);
    case Route::Kind::search:
        return search(route, request);
    case Route::Kind::update:
        return update(route, request, status);
    case Route::Kind::bulk:
        return bulk(route, request, itemFault);
    case Route::Kind::document:
        return document(route, request, status);
    }
    throw unsupported("this request");
}

Object FakeEngine::rootPage() const
{
    return object({{"name", "fake"},
                   {"cluster_name", "fake-elasticsearch"},
                   {"cluster_uuid", "_na_"},
                   {"version", object({{"distribution", "leasehold-fake"}, {"number", "7.10.2"}})},
                   {"tagline", "Locks only"}});
}

Object FakeEngine::createIndex(const Route& route, const Request& request)
{
    const auto definition = readIndexDefinition(request.body);
    route.requireKnownParameters();
    const auto& name = route.index();
    requireIndexName(name);
    if (_aliases.contains(name))
        throw badIndexName(name, "already exists as alias");
    if (const auto place = _indices.find(name); place != _indices.end())
    {
        auto exists = failure(400, "resource_already_exists_exception", "index [" + name + "/" + place->second.uuid + "] already exists");
        exists.error->set("index_uuid", place->second.uuid);
        exists.error->set("index", name);
        throw exists;
    }
    auto index = makeIndex(name, definition, _now());
    for (const auto& alias : index.aliases->getNames())
    {
        if (_indices.contains(alias))
        {
            auto taken = failure(400, "invalid_alias_name_exception",
                                 "Invalid alias name [" + alias + "], an index exists with the same name as the alias");
            taken.error->set("index", alias);
            taken.error->set("index_uuid", _indices.at(alias).uuid);
            throw taken;
        }
        if (_aliases.contains(alias))
            throw unsupported("an alias of two indices");
    }
    for (const auto& alias : index.aliases->getNames())
        _aliases[alias] = name;
    _indices.emplace(name, std::move(index));
    return object({{"acknowledged", true}, {"shards_acknowledged", true}, {"index", name}});
}

Object FakeEngine::describe(const Route& route) const
{
    const auto& index = resolve(route.index());
    return object(
        {{index.name.c_str(),
          object({{"aliases", index.aliases}, {"mappings", index.mappings}, {"settings", object({{"index", index.settings}})}})}});
}

Object FakeEngine::deleteIndex(const Route& route)
{
    if (_aliases.contains(route.index()))
        throw failure(400, "illegal_argument_exception", "The provided expression [" + route.index() + "] matches an alias");
    const auto& index = resolve(route.index());
    std::erase_if(_aliases, [&index](const auto& alias) { return alias.second == index.name; });
    _indices.erase(route.index());
    return object({{"acknowledged", true}});
}

Object FakeEngine::refresh(const Route& route)
{
    auto& index = resolve(route.index());
    index.refresh();
    return object({{"_shards", shards(index.copies, 1)}});
}

Object FakeEngine::search(const Route& route, const Request& request)
{
    Object body = object();
    if (!request.body.empty())
    {
        const auto parsed = parseJson(request.body);
        if (parsed.trouble != Parsed::Trouble::none)
            throw badJson(parsed.trouble);
        if (!isObject(parsed.value))
            throw failure(400, "parsing_exception", "Expected [START_OBJECT]");
        body = parsed.value.extract<Object>();
    }
    requireKnownSearch(body);
    route.requireKnownParameters();
    return runSearch(resolve(route.index()), body, _now());
}

Object FakeEngine::update(const Route& route, const Request& request, int& status)
{
    UpdateRequest update;
    update.index = route.index();
    update.id = route.id();
    update.requireAlias = route.hasParameter("require_alias") && route.parameter("require_alias") != "false";
    for (const char* name : {"_source", "_source_includes"})
    {
        if (!route.hasParameter(name))
            continue;
        update.shown = sourceFromQuery(route.parameter(name));
        update.showsSource = update.shown != Value(false);
    }
    update.readBody(request.body);
    route.requireKnownParameters();
    if (const auto problem = update.problem(); !problem.empty())
        throw failure(400, "action_request_validation_exception", "Validation Failed: 1: " + problem + ";");
    auto result = execute(update, false, status);
    if (route.hasParameter("refresh") && route.parameter("refresh") != "false")
        resolve(route.index()).refresh();
    return result;
}

Object FakeEngine::bulk(const Route& route, const Request& request, const std::optional<FakeFault>& itemFault)
{
    Value shown;
    for (const char* name : {"_source", "_source_includes"})
    {
        if (route.hasParameter(name))
            shown = sourceFromQuery(route.parameter(name));
    }
    auto updates = readBulk(request.body, route.index(), shown);
    route.requireKnownParameters();
    Array items = array();
    bool errors = false;
    for (std::size_t position = 0; position < updates.size(); ++position)
    {
        updates[position].requireAlias |= route.hasParameter("require_alias") && route.parameter("require_alias") != "false";
        const bool hit = itemFault && itemFault->item() == position;
        items->add(object({{"update", bulkItem(updates[position], hit ? itemFault : std::nullopt, errors)}}));
    }
    if (route.hasParameter("refresh") && route.parameter("refresh") != "false")
    {
        for (auto& [name, index] : _indices)
            index.refresh();
    }
    return object({{"took", 0}, {"errors", errors}, {"items", items}});
}

Object FakeEngine::bulkItem(const UpdateRequest& update, const std::optional<FakeFault>& fault, bool& failed)
{
    try
    {
        if (fault)
            throw failure(fault->status(), fault->errorType(), fault->reason());
        int status = 200;
        auto result = execute(update, true, status);
        result->set("status", status);
        return result;
    }
    catch (const Failure& failure)
    {
        failed = true;
        const auto alias = _aliases.find(update.index);
        return object({{"_index", alias == _aliases.end() ? update.index : alias->second},
                       {"_id", update.id},
                       {"status", failure.status},
                       {"error", failure.error}});
    }
}

Object FakeEngine::document(const Route& route, const Request& request, int& status)
{
    route.requireKnownParameters();
    if (!_indices.contains(route.index()) && !_aliases.contains(route.index()))
    {
        if (request.method == "PUT" || request.method == "POST")
            throw unsupported("how to make an index because of a document");
        auto missing = indexMissing(route.index());
        missing.error->set("resource.type", "index_expression");
        throw missing;
    }
    auto& index = resolve(route.index());
    const auto found = index.find(route.id());
    auto result = object({{"_index", index.name}, {"_id", route.id()}});
    if (request.method == "GET" || request.method == "HEAD")
    {
        result->set("found", found != nullptr);
        status = found ? 200 : 404;
        if (found)
        {
            result->set("_version", found->version);
            result->set("_seq_no", found->sequence);
            result->set("_primary_term", 1);
            result->set("_source", found->source);
        }
        return result;
    }
    Document done;
    if (request.method == "DELETE")
    {
        done = index.remove(route.id());
        result->set("result", found ? "deleted" : "not_found");
        status = found ? 200 : 404;
    }
    else
    {
        const auto parsed = parseJson(request.body);
        if (!isObject(parsed.value))
            throw unsupported("a document that is no JSON object");
        done = *index.store(route.id(), parsed.value.extract<Object>());
        result->set("result", found ? "updated" : "created");
        status = found ? 200 : 201;
    }
    result->set("_version", done.version);
    result->set("_seq_no", done.sequence);
    result->set("_primary_term", 1);
    result->set("_shards", shards(index.copies, 1));
    if (route.hasParameter("refresh") && route.parameter("refresh") != "false")
    {
        index.refresh();
        result->set("forced_refresh", true);
    }
    return result;
}

FakeIndex& FakeEngine::resolve(const std::string& name)
{
    const auto alias = _aliases.find(name);
    const auto place = _indices.find(alias == _aliases.end() ? name : alias->second);
    if (place == _indices.end())
        throw indexMissing(name);
    return place->second;
}

const FakeIndex& FakeEngine::resolve(const std::string& name) const
{
    return const_cast<FakeEngine*>(this)->resolve(name);
}

FakeIndex& FakeEngine::resolveForUpdate(const UpdateRequest& update)
{
    if (update.requireAlias && !_aliases.contains(update.index))
        throw aliasMissing(update.index);
    if (!_aliases.contains(update.index) && !_indices.contains(update.index))
        throw unsupported("how to make an index because of an update: ask for require_alias");
    return resolve(update.index);
}

Object FakeEngine::execute(const UpdateRequest& update, bool inBulk, int& status)
{
    auto& index = resolveForUpdate(update);
    const auto found = index.find(update.id);
    if (!found && !update.upsert)
        throw documentMissing(update.id, index.name, index.uuid);

    const auto outcome = outcomeOf(update, found, _now());
    auto result = object({{"_index", index.name}, {"_id", update.id}});
    const auto show = [&](std::int64_t sequence)
    {
        // A noop shows what is stored, unless some fields are asked for: then it shows what the script made of them.
        const bool stored = outcome.operation == ScriptOutcome::Operation::noop && isWhole(update.shown);
        if (update.showsSource)
            result->set("get", shownDocument(sequence, update.shown, stored ? found->source : outcome.source));
    };
    switch (outcome.operation)
    {
    case ScriptOutcome::Operation::index:
    {
        const auto stored = index.store(update.id, outcome.source);
        addVersion(result, stored->version, stored->sequence);
        result->set("result", found ? "updated" : "created");
        result->set("_shards", shards(index.copies, 1));
        show(stored->sequence);
        status = found ? 200 : 201;
        break;
    }
    case ScriptOutcome::Operation::remove:
    {
        const auto deletion = index.remove(update.id);
        // An engine's own fault: it has deleted, and then fails to show what was there.
        if (update.showsSource)
            throw failure(500, "null_pointer_exception", "the source is null");
        addVersion(result, deletion.version, deletion.sequence);
        result->set("result", "deleted");
        result->set("_shards", shards(index.copies, 1));
        break;
    }
    case ScriptOutcome::Operation::noop:
        result->set("result", "noop");
        // Only a bulk counts a shard that had nothing to do.
        result->set("_shards", inBulk ? shards(1, 1) : shards(0, 0));
        if (found)
        {
            addVersion(result, found->version, found->sequence);
            show(found->sequence);
        }
        else
        {
            result->set("_version", -1);
            result->set("get", object({{"found", false}}));
        }
        break;
    }
    return result;
}

} // namespace Leasehold::Fake
