#include "UpdateRequest.h"

#include "EngineFailure.h"

namespace Leasehold::Fake
{

namespace
{

constexpr std::size_t maxIdBytes = 512;

Failure unreadable(const std::string& reason)
{
    return failure(400, "x_content_parse_exception", "[UpdateRequest] " + reason);
}

/// Wraps the error of a member in an error of the request.
Failure unreadableMember(const std::string& name, const Failure& cause, bool causeIsRoot)
{
    auto result = failure(400, "x_content_parse_exception", "[UpdateRequest] failed to parse field [" + name + "]", cause.error);
    if (causeIsRoot)
        result.root = cause.error;
    return result;
}

bool flag(const std::string& name, const Value& value)
{
    if (value.isEmpty() && name == "require_alias")
        return false;
    if (value.isBoolean())
        return value.convert<bool>();
    if (isText(value) && (value == "true" || value == "false"))
        return value == "true";
    throw unreadableMember(name, failure(400, "illegal_argument_exception", "only [true] or [false] are allowed"), false);
}

void readScript(UpdateRequest& update, const Value& value)
{
    if (isText(value))
    {
        update.script = value.extract<std::string>();
        return;
    }
    if (!isObject(value))
        throw unreadable("script doesn't support values of this type");
    const auto script = value.extract<Object>();
    for (const auto& [key, inner] : *script)
    {
        if (key == "lang" && inner != Value("painless"))
            throw unsupported("scripts of this language");
        if (key == "params" && !isObject(inner))
            throw unreadableMember("script",
                                   failure(400, "x_content_parse_exception", "[script] params doesn't support values of this type"), true);
        if (key != "lang" && key != "params" && key != "source")
            throw unsupported("the member " + key + " of a script");
    }
    if (isObject(member(script, "source")))
        throw unsupported("a script whose source is an object");
    if (!isText(member(script, "source")))
        throw unreadableMember("script", failure(400, "illegal_argument_exception", "must specify either [source] or [id]"), false);
    update.script = member(script, "source").extract<std::string>();
    update.params = objectMember(script, "params");
}

/// Engines read the first action of a line and ignore the rest.
std::string firstAction(const std::string& line)
{
    const auto details = line.find('{', line.find('{') + 1);
    if (details == std::string::npos || line.find(':') > details)
        return line;
    const auto action = firstObject(line.substr(details));
    return action.ends_with('}') ? line.substr(0, details) + action + "}" : line;
}

/// Reads the action line of a bulk item into `update`. Throws if an engine would refuse it.
void readAction(UpdateRequest& update, const std::string& line, std::size_t number)
{
    const auto malformed = [number](const std::string& what)
    { return failure(400, "illegal_argument_exception", "Malformed action/metadata line [" + std::to_string(number) + "], " + what); };
    const auto parsed = parseJson(firstAction(line));
    if (parsed.trouble != Parsed::Trouble::none)
        throw badJson(parsed.trouble);
    if (!isObject(parsed.value) || parsed.value.extract<Object>()->size() != 1)
        throw malformed("expected one action");
    const auto action = parsed.value.extract<Object>();
    const auto& name = action->begin()->first;
    if (name == "index" || name == "create" || name == "delete")
        throw unsupported("the action " + name + " in a bulk");
    if (name != "update")
        throw malformed("expected one of [create, delete, index, update] but found [" + name + "]");
    const auto details = objectMember(action, name);
    if (!details)
        throw malformed("expected START_OBJECT");
    for (const auto& [key, value] : *details)
    {
        if (isObject(value) || isArray(value))
            throw malformed("expected a simple value for field [" + key + "]");
        if (key == "_index")
            update.index = value.toString();
        else if (key == "_id")
            update.id = value.isEmpty() ? std::string() : value.toString();
        else if (key == "require_alias")
            update.requireAlias = flag(key, value);
        else if (key == "retry_on_conflict")
        {
            if (value.isBoolean())
                throw malformed("expected a number for field [retry_on_conflict]");
            if (!value.isInteger())
                throw unsupported("this retry_on_conflict");
        }
        else if (key == "_source")
        {
            update.shown = value;
            update.showsSource = value != Value(false);
        }
        else if (key == "routing" || key == "_routing" || key == "version" || key == "version_type" || key == "if_seq_no" ||
                 key == "if_primary_term" || key == "pipeline" || key == "op_type" || key == "_type")
            throw unsupported("the parameter " + key + " of an update in a bulk");
        else
            throw failure(400, "illegal_argument_exception",
                          "Action/metadata line [" + std::to_string(number) + "] contains an unknown parameter [" + key + "]");
    }
}

} // namespace

void UpdateRequest::readBody(const std::string& body)
{
    if (body.empty())
        return;
    const auto parsed = parseJson(firstObject(body));
    if (parsed.trouble != Parsed::Trouble::none)
    {
        // Engines read a member at a time, and say in which one the trouble is.
        if (parsed.within == "script")
            throw unreadableMember(parsed.within, badJson(parsed.trouble), true);
        throw badJson(parsed.trouble);
    }
    if (!isObject(parsed.value))
        throw unreadable("Expected START_OBJECT");
    for (const auto& [key, value] : *parsed.value.extract<Object>())
    {
        if (key == "script")
        {
            readScript(*this, value);
            hasScript = true;
        }
        else if (key == "upsert")
        {
            if (!isObject(value))
                throw unreadable("upsert doesn't support values of this type");
            upsert = value.extract<Object>();
        }
        else if (key == "scripted_upsert")
            scriptedUpsert = flag(key, value);
        else if (key == "_source")
        {
            if (value.isEmpty() || (value.isNumeric() && !value.isBoolean()))
                throw unreadable("_source doesn't support values of this type");
            shown = value;
            showsSource = !value.isBoolean() || value.convert<bool>();
        }
        else if (key == "doc" || key == "doc_as_upsert" || key == "detect_noop" || key == "if_seq_no" || key == "if_primary_term")
            throw unsupported("the member " + key + " of an update");
        else
            throw unreadable("unknown field [" + key + "]");
    }
}

std::string UpdateRequest::problem() const
{
    if (index.empty())
        return "index is missing";
    if (id.empty())
        return "id is missing";
    if (id.size() > maxIdBytes)
        return "id is too long, must be no longer than 512 bytes but was: " + std::to_string(id.size());
    if (!hasScript)
        return "script or doc is missing";
    return {};
}

std::vector<UpdateRequest> readBulk(const std::string& body, const std::string& index, const Value& shown)
{
    if (body.empty())
        throw failure(400, "parse_exception", "request body is required");
    std::vector<UpdateRequest> updates;
    std::size_t at = 0;
    std::size_t number = 0;
    const auto nextLine = [&](std::string& line)
    {
        if (at >= body.size())
            return false;
        const auto end = body.find('\n', at);
        if (end == std::string::npos)
            throw failure(400, "illegal_argument_exception", "The bulk request must be terminated by a newline [\\n]");
        line = body.substr(at, end - at);
        at = end + 1;
        ++number;
        return true;
    };
    for (std::string line; nextLine(line);)
    {
        if (line.find_first_not_of(" \t\r") == std::string::npos)
            continue;
        UpdateRequest update;
        update.index = index;
        update.shown = shown;
        update.showsSource = !shown.isEmpty() && shown != Value(false);
        readAction(update, line, number);
        if (!nextLine(line))
            break; // an action without its document is as good as none
        const auto wanted = update.shown;
        const bool wantsSource = update.showsSource;
        update.readBody(line);
        // What is asked for outside the document counts more than what the document asks for.
        if (!wanted.isEmpty())
        {
            update.shown = wanted;
            update.showsSource = wantsSource;
        }
        updates.push_back(std::move(update));
    }
    std::string problems;
    if (updates.empty())
        problems = " 1: no requests added;";
    std::size_t count = 0;
    for (const auto& update : updates)
    {
        if (const auto problem = update.problem(); !problem.empty())
            problems += " " + std::to_string(++count) + ": " + problem + ";";
    }
    if (!problems.empty())
        throw failure(400, "action_request_validation_exception", "Validation Failed:" + problems);
    return updates;
}

} // namespace Leasehold::Fake
