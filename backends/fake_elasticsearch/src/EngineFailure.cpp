#include "EngineFailure.h"

namespace Leasehold::Fake
{

Object Failure::body() const
{
    if (!error)
    {
        auto whole = object({{"error", text}});
        // An engine's answer to an unknown route has no status in it.
        if (status != 400)
            whole->set("status", status);
        return whole;
    }
    Object first = root;
    if (!first)
    {
        first = new Poco::JSON::Object(*error);
        first->remove("caused_by");
    }
    Object full(new Poco::JSON::Object(*error));
    full->set("root_cause", array({first}));
    return object({{"error", full}, {"status", status}});
}

Failure failure(int status, const std::string& type, const std::string& reason, const Object& causedBy)
{
    Failure result{status, object({{"type", type}, {"reason", cleaned(reason)}}), {}, {}};
    if (causedBy)
        result.error->set("caused_by", causedBy);
    return result;
}

Failure plainFailure(int status, const std::string& text)
{
    return {status, {}, {}, cleaned(text)};
}

Failure unsupported(const std::string& what)
{
    return failure(501, "fake_elasticsearch_exception", "the fake Elasticsearch does not know " + what);
}

Failure indexMissing(const std::string& name)
{
    auto result = failure(404, "index_not_found_exception", "no such index [" + name + "]");
    result.error->set("resource.type", "index_or_alias");
    result.error->set("resource.id", name);
    result.error->set("index_uuid", "_na_");
    result.error->set("index", name);
    return result;
}

Failure aliasMissing(const std::string& name)
{
    auto result = failure(404, "index_not_found_exception",
                          "no such index [" + name + "] and [require_alias] request flag is [true] and [" + name + "] is not an alias");
    result.error->set("index_uuid", "_na_");
    result.error->set("index", name);
    return result;
}

Failure documentMissing(const std::string& id, const std::string& index, const std::string& uuid)
{
    auto result = failure(404, "document_missing_exception", "[" + id + "]: document missing");
    result.error->set("index_uuid", uuid);
    result.error->set("shard", "0");
    result.error->set("index", index);
    return result;
}

Failure scriptFailed()
{
    return failure(400, "illegal_argument_exception", "failed to execute script",
                   object({{"type", "script_exception"},
                           {"reason", "runtime error"},
                           {"lang", "painless"},
                           {"caused_by", object({{"type", "null_pointer_exception"}, {"reason", "a parameter is null"}})}}));
}

Failure badJson(Parsed::Trouble trouble)
{
    return trouble == Parsed::Trouble::endOfText ? failure(400, "json_e_o_f_exception", "Unexpected end-of-input")
                                                 : failure(400, "json_parse_exception", "Unrecognized token");
}

} // namespace Leasehold::Fake
