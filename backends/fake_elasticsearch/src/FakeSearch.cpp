#include "FakeSearch.h"

#include "ElasticsearchScripts.h"
#include "EngineFailure.h"
#include "SourceFilter.h"

#include "Leasehold/Durations.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <vector>

namespace Leasehold::Fake
{

namespace
{

using Filter = std::function<bool(const Object& source)>;

constexpr std::int64_t largestWindow = 10'000; // index.max_result_window
const std::set<std::string> texts{"name", "standing"};
const std::set<std::string> numbers{"fence", "expires", "acquired", "ttl", "now"};

std::optional<std::int64_t> numberIn(const Object& source, const std::string& field)
{
    const auto value = member(source, field);
    return !value.isEmpty() && value.isInteger() ? std::optional(value.convert<std::int64_t>()) : std::nullopt;
}

/// "now", "now-30s".
std::int64_t moment(const Value& value, std::int64_t now)
{
    if (!isText(value) || !value.extract<std::string>().starts_with("now"))
        throw unsupported("this bound of a range");
    const auto rest = value.extract<std::string>().substr(3);
    if (rest.empty())
        return now;
    const auto back = rest.front() == '-' ? parseDuration(rest.substr(1)) : std::nullopt;
    if (!back)
        throw unsupported("this bound of a range");
    return now - std::min<std::int64_t>(back->count(), now);
}

Object onlyMember(const Object& parent, std::string& key)
{
    if (parent->size() != 1)
        throw unsupported("this query");
    key = parent->begin()->first;
    return objectMember(parent, key);
}

Filter filterOf(const Object& clause, std::int64_t now)
{
    std::string kind;
    const auto inner = onlyMember(clause, kind);
    std::string field;
    if (kind == "range" && inner)
    {
        const auto bounds = onlyMember(inner, field);
        if (!numbers.contains(field) || !bounds || bounds->size() != 1)
            throw unsupported("this range");
        std::string side;
        side = bounds->begin()->first;
        const auto bound = moment(bounds->begin()->second, now);
        if (side == "gt")
            return [field, bound](const Object& source) { return numberIn(source, field) > bound; };
        if (side == "lt")
            return [field, bound](const Object& source)
            {
                const auto value = numberIn(source, field);
                return value && *value < bound;
            };
    }
    if (kind == "terms" && inner && inner->size() == 1 && inner->begin()->first == "standing" && isArray(inner->begin()->second))
    {
        std::set<std::string> allowed;
        for (const auto& one : *inner->begin()->second.extract<Array>())
            allowed.insert(one.toString());
        return [allowed](const Object& source)
        {
            const auto value = member(source, "standing");
            return isText(value) && allowed.contains(value.extract<std::string>());
        };
    }
    if (kind == "prefix" && inner && inner->size() == 1 && inner->begin()->first == "name" && isText(inner->begin()->second))
        return [prefix = inner->begin()->second.extract<std::string>()](const Object& source)
        {
            const auto value = member(source, "name");
            return isText(value) && value.extract<std::string>().starts_with(prefix);
        };
    throw unsupported("the query " + kind);
}

std::vector<Filter> filtersOf(const Object& query, std::int64_t now)
{
    std::vector<Filter> filters;
    std::string kind;
    if (!query)
        return filters;
    const auto inner = onlyMember(query, kind);
    if (kind == "match_all" && inner && inner->size() == 0)
        return filters;
    const auto clauses = member(inner, "filter");
    if (kind != "bool" || !inner || inner->size() != 1 || !isArray(clauses))
        throw unsupported("the query " + kind);
    for (const auto& clause : *clauses.extract<Array>())
    {
        if (!isObject(clause))
            throw unsupported("this query");
        filters.push_back(filterOf(clause.extract<Object>(), now));
    }
    return filters;
}

/// The field to sort by, in ascending order; empty: none.
std::string sortField(const Object& request)
{
    const auto sort = member(request, "sort");
    if (sort.isEmpty())
        return {};
    if (!isArray(sort) || sort.extract<Array>()->size() != 1 || !isObject(sort.extract<Array>()->get(0)))
        throw unsupported("this sort");
    const auto by = sort.extract<Array>()->getObject(0);
    if (by->size() != 1 || by->begin()->second.toString() != "asc" ||
        (!texts.contains(by->begin()->first) && !numbers.contains(by->begin()->first)))
        throw unsupported("this sort");
    return by->begin()->first;
}

/// Documents in the order of a search. Documents without a value for the field come last.
struct Hit
{
    std::string id{};
    DocumentPtr document{};
    std::optional<std::string> text{};
    std::optional<std::int64_t> number{};

    bool hasKey() const { return text || number; }
    friend bool operator<(const Hit& left, const Hit& right)
    {
        if (left.hasKey() != right.hasKey())
            return left.hasKey();
        return left.text != right.text ? left.text < right.text : left.number < right.number;
    }
};

Value sortValue(const Hit& hit)
{
    return hit.text ? Value(*hit.text) : hit.number ? Value(*hit.number) : Value();
}

std::int64_t sizeOf(const Object& request)
{
    const auto size = member(request, "size");
    if (!request->has("size"))
        return 10;
    if (size.isEmpty() || !size.isInteger())
        throw unsupported("this size");
    const auto wanted = size.convert<std::int64_t>();
    if (wanted < 0)
        throw unsupported("a negative size");
    if (wanted > largestWindow)
    {
        auto cause = object({{"type", "illegal_argument_exception"}, {"reason", "Result window is too large"}});
        auto result = failure(400, "search_phase_execution_exception", "all shards failed", cause);
        result.error->set("phase", "query");
        result.error->set("grouped", true);
        result.root = cause;
        throw result;
    }
    return wanted;
}

/// Where the page before this one ended.
std::optional<Hit> searchAfter(const Object& request, const std::string& field)
{
    const auto value = member(request, "search_after");
    if (!isArray(value))
        return std::nullopt;
    const auto keys = value.extract<Array>();
    if (keys->size() != 1 || field.empty())
        throw unsupported("this search_after");
    Hit after;
    if (texts.contains(field))
        after.text = keys->get(0).toString();
    else if (keys->get(0).isInteger())
        after.number = keys->get(0).convert<std::int64_t>();
    else
        throw unsupported("this search_after");
    return after;
}

Object shownHit(const Hit& hit, const FakeIndex& index, const Object& request, std::int64_t now)
{
    const bool scored = sortField(request).empty();
    auto shown = object({{"_index", index.name}, {"_id", hit.id}, {"_score", scored ? Value(1.0) : Value()}});
    if (const auto source = shownSource(member(request, "_source"), hit.document->source))
        shown->set("_source", source);
    if (const auto fields = objectMember(request, "script_fields"); fields && fields->size() > 0)
    {
        auto values = object();
        for (const auto& name : fields->getNames())
            values->set(name, array({now}));
        shown->set("fields", values);
    }
    if (!scored)
        shown->set("sort", array({sortValue(hit)}));
    return shown;
}

} // namespace

void requireKnownSearch(const Object& request)
{
    static const std::set<std::string> known{"size", "track_total_hits", "query", "sort", "script_fields", "_source", "search_after"};
    for (const auto& [key, value] : *request)
    {
        if (!known.contains(key))
            throw unsupported("the member " + key + " of a search");
    }
    if (!member(request, "query").isEmpty() && !isObject(member(request, "query")))
        throw unsupported("a query that is no object");
}

Object runSearch(const FakeIndex& index, const Object& request, std::int64_t now)
{
    const auto size = sizeOf(request);
    const auto filters = filtersOf(objectMember(request, "query"), now);
    const auto field = sortField(request);
    const auto fields = objectMember(request, "script_fields");
    for (const auto& name : fields ? fields->getNames() : std::vector<std::string>{})
    {
        if (member(objectMember(objectMember(fields, name), "script"), "source") != Value(std::string(ElasticsearchScripts::now)))
            throw unsupported("this script field");
    }
    const auto after = searchAfter(request, field);
    std::vector<Hit> hits;
    for (const auto& [id, document] : index.searchable)
    {
        const auto& source = document->source;
        if (!std::all_of(filters.begin(), filters.end(), [&source](const Filter& fits) { return fits(source); }))
            continue;
        Hit hit{id, document, {}, {}};
        if (texts.contains(field) && isText(member(source, field)))
            hit.text = member(source, field).extract<std::string>();
        else if (numbers.contains(field))
            hit.number = numberIn(source, field);
        if (!after || *after < hit)
            hits.push_back(std::move(hit));
    }
    std::stable_sort(hits.begin(), hits.end());
    const auto total = static_cast<std::int64_t>(hits.size());
    hits.resize(static_cast<std::size_t>(std::min(size, total)));

    Array shown = array();
    const bool scored = field.empty();
    for (const auto& hit : hits)
        shown->add(shownHit(hit, index, request, now));
    auto inner = object({{"max_score", scored && !hits.empty() ? Value(1.0) : Value()}, {"hits", shown}});
    if (member(request, "track_total_hits") != Value(false))
        inner->set("total", object({{"value", total}, {"relation", "eq"}}));
    return object({{"took", 0},
                   {"timed_out", false},
                   {"_shards", object({{"total", 1}, {"successful", 1}, {"skipped", 0}, {"failed", 0}})},
                   {"hits", inner}});
}

} // namespace Leasehold::Fake
