#include "EngineAnswer.h"

#include <Poco/Exception.h>
#include <Poco/JSON/Handler.h>
#include <Poco/JSON/Parser.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace Leasehold::Elasticsearch
{

namespace
{

EngineCause causeIn(const std::string& reason)
{
    static constexpr std::pair<std::string_view, EngineCause> phrases[] = {
        {"script_lang not supported [painless]", EngineCause::noPainless},
        {"cannot execute [inline] scripts", EngineCause::scriptsDisabled},
        {"cannot execute scripts using [", EngineCause::scriptsDisabled},
        {" shards, but this cluster currently has [", EngineCause::shardLimit},
        {"that creates data streams only", EngineCause::dataStreamTemplate}};
    const auto* const found =
        std::find_if(std::begin(phrases), std::end(phrases), [&](const auto& one) { return reason.find(one.first) != std::string::npos; });
    return found == std::end(phrases) ? EngineCause::none : found->second;
}

/// "no permissions for [indices:data/write/bulk[s], indices:data/write/update] and User ..." -> the two names, with a comma. Names of
/// actions have no digits, and a token has some, so no token gets into the result.
std::string actionsIn(const std::string& reason)
{
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz_/:*[]";
    constexpr std::size_t longest = 200;
    std::string actions;
    for (std::size_t at = 0; (at = reason.find_first_of("ic", at)) != std::string::npos;)
    {
        const std::string_view rest = std::string_view(reason).substr(at);
        const bool isAction = rest.starts_with("indices:") || rest.starts_with("cluster:");
        if (!isAction || at == 0 || (reason[at - 1] != '[' && reason[at - 1] != ' '))
        {
            ++at;
            continue;
        }
        auto action = rest.substr(0, rest.find_first_not_of(letters));
        at += action.size();
        if (std::count(action.begin(), action.end(), ']') > std::count(action.begin(), action.end(), '['))
            action.remove_suffix(1); // the bracket closes the list
        actions += (actions.empty() ? "" : ", ") + std::string(action);
    }
    return actions.size() <= longest ? actions : std::string();
}

// No field that we ask for is deeper.
constexpr std::size_t deepest = 64;

/// Reads the answer without building a tree: this is five times as fast for an answer to 1,000 renewals.
class AnswerHandler : public Poco::JSON::Handler
{
public:
    explicit AnswerHandler(EngineAnswer& answer) : _answer(answer) {}

    void reset() override { _path.clear(); }
    void startObject() override { enter(false); }
    void endObject() override { _path.pop_back(); }
    void startArray() override { enter(true); }
    void endArray() override { _path.pop_back(); }
    void key(const std::string& name) override { _path.back().key = name; }
    void null() override { requireNoElement(); }
    void value(int number) override { integer(number); }
    void value(unsigned number) override { integer(number); }
    void value(Poco::Int64 number) override { integer(number); }
    void value(Poco::UInt64 number) override { integer(static_cast<std::int64_t>(number)); }
    void value(double) override { requireNoElement(); }
    void value(bool) override { requireNoElement(); }
    void value(const std::string& text) override
    {
        requireNoElement();
        if (auto* const error = errorAt(); error != nullptr)
            readError(*error, text);
        else if (const auto place = itemAt(); place.item != nullptr && place.depth + 1 == _path.size() && _path.back().key == "result")
            place.item->result = text;
        else if (auto* const document = documentAt(); document != nullptr)
            readText(*document, text);
    }

private:
    struct Level
    {
        bool array = false;
        std::string key{}; // of the member being read
    };
    struct Place
    {
        EngineItem* item = nullptr;
        std::size_t depth = 0; // of its object in the path
    };

    void enter(bool array)
    {
        if (_path.size() >= deepest)
            throw Poco::DataFormatException("nested too deeply");
        // items: [ { "update": {...} }, ... ] and hits: { hits: [ {...}, ... ] }: each object in the array is an item or a hit.
        if (!array && isIn({"items"}, 2))
            _answer.items.emplace_back();
        if (!array && isIn({"hits", "hits"}, 3))
            _answer.hits.emplace_back();
        if (array)
            requireNoElement();
        _path.push_back({array, {}});
    }

    // An answer is an object, and so is each item. An item belongs to the step at its position: with another value among the items, the
    // positions would be wrong.
    void requireNoElement() const
    {
        if (_path.empty() || isIn({"items"}, 2) || isIn({"hits", "hits"}, 3))
            throw Poco::DataFormatException("something else where an object must stand");
    }

    bool isIn(std::initializer_list<std::string_view> keys, std::size_t depth) const
    {
        if (_path.size() != depth || !_path.back().array)
            return false;
        std::size_t at = 0;
        return std::all_of(keys.begin(), keys.end(), [this, &at](std::string_view key) { return _path[at++].key == key; });
    }

    bool inArray(std::initializer_list<std::string_view> keys, std::size_t depth) const
    {
        if (_path.size() <= depth || !_path[depth - 1].array)
            return false;
        std::size_t at = 0;
        return std::all_of(keys.begin(), keys.end(), [this, &at](std::string_view key) { return _path[at++].key == key; });
    }

    // The item of the value being read, and the depth of its object in the path. We send only updates, so an item with another action is
    // not an answer to us.
    Place itemAt()
    {
        if (inArray({"items"}, 2))
            return _path.size() > 3 && _path[2].key == "update" ? Place{&_answer.items.back(), 3} : Place{};
        return {&_answer.whole, 0};
    }

    EngineError* errorAt()
    {
        const auto place = itemAt();
        if (place.item == nullptr || _path.size() <= place.depth || _path[place.depth].key != "error")
            return nullptr;
        // { "error": {..., "caused_by": {..., "caused_by": {...}}} }; root_cause repeats it, and "error" may be plain text.
        for (auto level = place.depth + 1; level + 1 < _path.size(); ++level)
        {
            if (_path[level].array || _path[level].key != "caused_by")
                return nullptr;
        }
        return _path.size() == place.depth + 1 ? nullptr : &place.item->error;
    }

    void readError(EngineError& error, const std::string& text)
    {
        const auto& key = _path.back().key;
        if (key == "type" && error.type.empty() && isOutermostError())
            error.type = text;
        else if (key == "index_uuid" && isOutermostError())
            error.indexUuid = text;
        else if (key == "reason" && isOutermostError())
            error.actions = actionsIn(text);
        if (error.cause == EngineCause::none && key == "reason")
            error.cause = causeIn(text);
        if (key == "type" && text == "circuit_breaking_exception")
            error.cause = EngineCause::breaker;
    }

    bool isOutermostError() { return _path.size() == itemAt().depth + 2; }

    EngineDocument* documentAt()
    {
        if (inArray({"hits", "hits"}, 3))
        {
            const bool source = _path.size() == 5 && _path[3].key == "_source";
            const bool field = _path.size() == 6 && _path[3].key == "fields" && _path[5].array;
            return source || field ? &_answer.hits.back() : nullptr;
        }
        const auto place = itemAt();
        if (place.item == nullptr || _path.size() != place.depth + 3 || _path[place.depth].key != "get" ||
            _path[place.depth + 1].key != "_source")
            return nullptr;
        if (!place.item->document)
            place.item->document.emplace();
        return &*place.item->document;
    }

    const std::string& fieldName() const { return _path.back().array ? _path[_path.size() - 2].key : _path.back().key; }

    void readText(EngineDocument& document, const std::string& text)
    {
        const auto& field = fieldName();
        if (field == "name")
            document.name = text;
        else if (field == "token")
            document.token = text;
        else if (field == "standing")
            document.standing = text;
        else if (field == "metadata")
            document.metadata = text;
        else if (field == "answer")
            document.answer = text;
    }

    void integer(std::int64_t number)
    {
        requireNoElement();
        if (const auto place = itemAt(); place.item != nullptr && place.depth + 1 == _path.size() && _path.back().key == "status")
        {
            place.item->status = number >= 100 && number <= 599 ? static_cast<int>(number) : 0;
            return;
        }
        auto* const document = documentAt();
        if (document == nullptr)
            return;
        const auto& field = fieldName();
        if (field == "fence")
            document->fence = number;
        else if (field == "acquired")
            document->acquired = number;
        else if (field == "expires")
            document->expires = number;
        else if (field == "ttl")
            document->ttl = number;
        else if (field == "now")
            document->now = number;
        else if (field == "wanted")
            document->wanted = number;
    }

    EngineAnswer& _answer;
    std::vector<Level> _path;
};

bool isJson(const std::string& contentType)
{
    std::string type = contentType.substr(0, contentType.find(';'));
    std::transform(type.begin(), type.end(), type.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    while (!type.empty() && type.back() == ' ')
        type.pop_back();
    return type == "application/json" || (type.rfind("application/", 0) == 0 && type.size() > 5 && type.substr(type.size() - 5) == "+json");
}

} // namespace

EngineAnswer readEngineAnswer(int status, const std::string& contentType, const std::string& body)
{
    EngineAnswer answer;
    if (isJson(contentType) && !body.empty())
    {
        try
        {
            Poco::JSON::Handler::Ptr handler(new AnswerHandler(answer));
            Poco::JSON::Parser(handler).parse(body);
            answer.readable = true;
        }
        catch (const Poco::Exception&)
        {
            // Discard the part that was read before the failure.
            answer = {};
        }
    }
    answer.whole.status = status;
    return answer;
}

} // namespace Leasehold::Elasticsearch
