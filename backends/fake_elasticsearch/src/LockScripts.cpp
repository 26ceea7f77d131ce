#include "LockScripts.h"

#include "ElasticsearchScripts.h"
#include "EngineFailure.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/Store/LeaseRules.h"

#include <algorithm>

namespace Leasehold::Fake
{

namespace
{

namespace Rules = LeaseRules;
using Operation = ScriptOutcome::Operation;

// A script computes with any number as Java does. No lease has greater numbers than these.
constexpr std::int64_t maxNumber = std::int64_t{1} << 53;

std::optional<std::int64_t> number(const Object& from, const char* key)
{
    const auto value = member(from, key);
    if (value.isEmpty())
        return std::nullopt;
    if (!value.isInteger() || value.isBoolean())
        throw unsupported(std::string("a script's value that is not an integer: ") + key);
    try
    {
        const auto found = value.convert<std::int64_t>();
        if (found >= -maxNumber && found <= maxNumber)
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
        throw unsupported(std::string("a script's value that is not a text: ") + key);
    return value.extract<std::string>();
}

Fence fenceOf(std::optional<std::int64_t> stored)
{
    return static_cast<Fence>(std::max<std::int64_t>(stored.value_or(0), 0));
}

// In a script null is a token too: a record with it is never live, but two nulls are equal. LeaseRules has no null token, so each token
// gets a prefix, and null becomes a token without it.
std::string marked(const std::optional<std::string>& token)
{
    return token ? "=" + *token : std::string();
}
constexpr const char* nullToken = "null"; // equal to no marked token, and not empty

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
        // The document of an upsert is not a record yet.
        if (source->size() == 0)
            return;
        Rules::Record record;
        record.token = marked(text(source, "token"));
        record.fence = fenceOf(number(source, "fence"));
        record.standing = standingOf(source);
        record.acquiredAt = number(source, "acquired").value_or(0);
        record.expiresAt = number(source, "expires").value_or(0);
        record.ttl = number(source, "ttl").value_or(0);
        record.wantedUntil = number(source, "wanted").value_or(0);
        _record = record;
    }

    ScriptOutcome acquire()
    {
        const auto token = text(_params, "token");
        const auto ttl = number(_params, "ttl");
        const auto floor = number(_params, "floor");
        const auto spare = number(_params, "spare");
        const auto wantedFor = number(_params, "wantedFor");
        AcquireRequest request;
        request.token = token ? marked(token) : nullToken;
        request.ttl = Milliseconds(ttl.value_or(0));
        request.fenceFloor = fenceOf(floor);
        request.reservedFences = fenceOf(spare);
        request.wantedFor = Milliseconds(wantedFor.value_or(0));
        const Fence last = _record ? _record->fence : 0;
        const auto noted = _record ? _record->wantedUntil : 0;

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
            if (!wantedFor)
                throw scriptFailed();
            if (!verdict.changed)
                return noop("held");
            _source->set("expires", _record->expiresAt);
            if (_record->wantedUntil != noted)
                _source->set("wanted", _record->wantedUntil);
            return {Operation::index, _source};
        }
        const bool fresh = _record->fence != last;
        // The script fails if a parameter that it needs is missing.
        if (!ttl || (fresh && (!floor || !spare || !wantedFor)))
            throw scriptFailed();
        if (fresh)
        {
            _source->set("name", member(_params, "name"));
            _source->set("token", member(_params, "token"));
            _source->set("standing", "held");
            _source->set("fence", _record->fence);
            _source->set("acquired", _record->acquiredAt);
            _source->set("metadata", member(_params, "metadata"));
            if (request.wantedFor.count() > 0)
                _source->remove("wanted");
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
            _record->token = nullToken;
        const LeaseRef lease{{}, token ? marked(token) : nullToken, fenceOf(number(_params, "fence"))};
        if (!Rules::renew(_record, lease, Milliseconds(ttl.value_or(0)), _now))
            return wasBroken(lease) ? noop("broken") : ScriptOutcome{Operation::noop, _source};
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
        const LeaseRef lease{{}, token ? marked(token) : nullToken, fenceOf(number(_params, "fence"))};
        bool changed = false;
        const auto reply = Rules::release(_record, lease, _now, changed);
        _source->set("now", _ms);
        if (!changed)
            return noop(reply.status == ReleaseStatus::released ? "released" : wasBroken(lease) ? "broken" : "notHeld");
        _source->set("standing", textOf(_record->standing));
        _source->set("expires", _record->expiresAt);
        _source->set("metadata", "{}");
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
    // standingOf takes an unknown standing for freed; such a document was not broken.
    bool wasBroken(const LeaseRef& lease) const
    {
        return Rules::wasBroken(_record, lease) && text(_source, "standing") == textOf(_record->standing);
    }

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
