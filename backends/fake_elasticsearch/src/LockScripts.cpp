#include "LockScripts.h"

#include "ElasticsearchScripts.h"
#include "EngineFailure.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/LeaseRules.h"

#include <algorithm>

namespace Leasehold::Fake
{

namespace
{

namespace Rules = LeaseRules;
using Operation = ScriptOutcome::Operation;

// A script can hold any number, and computes with it as Java does. What lies beyond these is nobody's lease.
constexpr std::int64_t greatest = std::int64_t{1} << 53;

std::optional<std::int64_t> number(const Object& from, const char* key)
{
    const auto value = member(from, key);
    if (value.isEmpty())
        return std::nullopt;
    if (!value.isInteger() || value.isBoolean())
        throw unsupported(std::string("a script's value that is no whole number: ") + key);
    try
    {
        const auto found = value.convert<std::int64_t>();
        if (found >= -greatest && found <= greatest)
            return found;
    }
    catch (const Poco::Exception&)
    {
        // Beyond 64 bits: refused with the others.
    }
    throw unsupported(std::string("a script's number so great: ") + key);
}

std::optional<std::string> text(const Object& from, const char* key)
{
    const auto value = member(from, key);
    if (value.isEmpty())
        return std::nullopt;
    if (!isText(value))
        throw unsupported(std::string("a script's value that is no text: ") + key);
    return value.extract<std::string>();
}

Fence fenceOf(std::optional<std::int64_t> stored)
{
    return static_cast<Fence>(std::max<std::int64_t>(stored.value_or(0), 0));
}

// In a script null is a token like others: it never makes a record live or ours, but two of them are equal. The rule has no such
// token, so that each token gets a mark, and null becomes one without it.
std::string marked(const std::optional<std::string>& token)
{
    return token ? "=" + *token : std::string();
}
constexpr const char* nobody = "null"; // equal to no marked token, and not empty

Rules::Standing standingOf(const Object& source)
{
    const auto standing = text(source, "standing");
    return standing == "held"       ? Rules::Standing::held
           : standing == "broken"   ? Rules::Standing::broken
           : standing == "released" ? Rules::Standing::released
                                    : Rules::Standing::freed;
}

const char* textOf(Rules::Standing standing)
{
    switch (standing)
    {
    case Rules::Standing::held:
        return "held";
    case Rules::Standing::broken:
        return "broken";
    case Rules::Standing::released:
        return "released";
    case Rules::Standing::freed:
        break;
    }
    return "freed";
}

/// One run of a script on one document.
class Run
{
public:
    Run(const Object& params, const Object& source, std::int64_t now) :
        _params(params), _source(new Poco::JSON::Object(*source)), _ms(now), _now{now, now * 1000}
    {
        // The document of an upsert is no record yet.
        if (source->size() == 0)
            return;
        Rules::Record record;
        record.token = marked(text(source, "token"));
        record.fence = fenceOf(number(source, "fence"));
        record.standing = standingOf(source);
        record.acquiredAt = number(source, "acquired").value_or(0);
        record.expiresAt = number(source, "expires").value_or(0);
        record.ttl = number(source, "ttl").value_or(0);
        _record = record;
    }

    ScriptOutcome acquire()
    {
        const auto token = text(_params, "token");
        const auto ttl = number(_params, "ttl");
        const auto floor = number(_params, "floor");
        const auto spare = number(_params, "spare");
        AcquireRequest request;
        request.token = token ? marked(token) : nobody;
        request.ttl = Milliseconds(ttl.value_or(0));
        request.fenceFloor = fenceOf(floor);
        request.spareFences = fenceOf(spare);
        const Fence last = _record ? _record->fence : 0;

        _source->set("now", _ms);
        Rules::AcquireVerdict verdict;
        try
        {
            verdict = Rules::acquire(_record, request, _now);
        }
        catch (const LockStoreError&)
        {
            if (!spare)
                throw scriptFailed();
            return noop("exhausted");
        }
        if (verdict.status == AcquireStatus::spent)
            return noop("spent");
        if (verdict.status == AcquireStatus::held)
        {
            if (!verdict.changed)
                return noop("held");
            _source->set("expires", _record->expiresAt);
            return {Operation::index, _source};
        }
        const bool fresh = _record->fence != last;
        // Where the script needs what is not there, it fails.
        if (!ttl || (fresh && (!floor || !spare)))
            throw scriptFailed();
        if (fresh)
        {
            _source->set("name", member(_params, "name"));
            _source->set("token", member(_params, "token"));
            _source->set("standing", "held");
            _source->set("fence", _record->fence);
            _source->set("acquired", _record->acquiredAt);
            _source->set("metadata", member(_params, "metadata"));
        }
        _source->set("expires", _record->expiresAt);
        _source->set("ttl", _record->ttl);
        return {Operation::index, _source};
    }

    ScriptOutcome renew()
    {
        const auto token = text(_params, "token");
        const auto ttl = number(_params, "ttl");
        // Here null equals null: a lease that was taken without a token is renewed without one.
        if (_record && _record->token.empty())
            _record->token = nobody;
        const LeaseRef lease{{}, token ? marked(token) : nobody, fenceOf(number(_params, "fence"))};
        if (!Rules::renew(_record, lease, Milliseconds(ttl.value_or(0)), _now))
            return {Operation::noop, _source};
        if (!ttl)
            throw scriptFailed();
        _source->set("expires", _record->expiresAt);
        _source->set("ttl", _record->ttl);
        _source->set("now", _ms);
        return {Operation::index, _source};
    }

    ScriptOutcome release()
    {
        const auto token = text(_params, "token");
        const LeaseRef lease{{}, token ? marked(token) : nobody, fenceOf(number(_params, "fence"))};
        bool changed = false;
        const auto status = Rules::release(_record, lease, _now, changed);
        if (!changed)
            return noop(status == ReleaseStatus::released ? "released" : "notHeld");
        _source->set("standing", textOf(_record->standing));
        _source->set("expires", _record->expiresAt);
        _source->set("metadata", "{}");
        _source->set("now", _ms);
        return {Operation::index, _source};
    }

    ScriptOutcome breakLock()
    {
        const auto mode = text(_params, "mode") == "now" ? BreakMode::now : BreakMode::whenItEnds;
        if (!Rules::breakLock(_record, fenceOf(number(_params, "fence")), mode, _now))
            return {Operation::noop, _source};
        _source->set("standing", textOf(_record->standing));
        _source->set("expires", _record->expiresAt);
        _source->set("now", _ms);
        return {Operation::index, _source};
    }

    ScriptOutcome find()
    {
        _source->set("now", _ms);
        return noop(_record && Rules::isLive(*_record, _now) ? "live" : "dead");
    }

    ScriptOutcome prune()
    {
        const auto retention = number(_params, "retention");
        if (!retention)
            throw scriptFailed();
        if (*retention < 0)
            throw unsupported("a negative retention");
        const bool known = _record && !member(_source, "expires").isEmpty() && !member(_source, "fence").isEmpty();
        const bool forgettable = known && Rules::isForgettable(*_record, Milliseconds(*retention), _now);
        return {forgettable ? Operation::remove : Operation::noop, _source};
    }

private:
    ScriptOutcome noop(const char* answer)
    {
        _source->set("answer", answer);
        return {Operation::noop, _source};
    }

    Object _params;
    Object _source;
    std::int64_t _ms;
    Rules::StorageNow _now;
    std::optional<Rules::Record> _record;
};

} // namespace

ScriptOutcome runLockScript(const std::string& script, const Object& params, const Object& source, std::int64_t now)
{
    Run run(params, source, now);
    if (script == ElasticsearchScripts::acquire)
        return run.acquire();
    if (script == ElasticsearchScripts::renew)
        return run.renew();
    if (script == ElasticsearchScripts::release)
        return run.release();
    if (script == ElasticsearchScripts::breakLock)
        return run.breakLock();
    if (script == ElasticsearchScripts::find)
        return run.find();
    if (script == ElasticsearchScripts::prune)
        return run.prune();
    if (script == ElasticsearchScripts::probe)
        return {Operation::noop, source};
    throw unsupported("this script: it knows those of the lock store only");
}

} // namespace Leasehold::Fake
