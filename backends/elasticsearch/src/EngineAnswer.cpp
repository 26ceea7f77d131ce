#include "EngineAnswer.h"

#include <Poco/Exception.h>
#include <Poco/JSON/Handler.h>
#include <Poco/JSON/Parser.h>

#include <algorithm>
#include <string_view>

namespace Leasehold
{

namespace
{

// Nothing that we ask for lies deeper.
constexpr std::size_t deepest = 64;

/// Reads the text as it comes, without a tree: an answer to 1,000 renewals is read five times quicker that way.
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
        std::string key{}; // of the member that is being read
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
        // items: [ { "update": {...} }, ... ] and hits: { hits: [ {...}, ... ] }: each object in the array is one more.
        if (!array && isIn({"items"}, 2))
            _answer.items.emplace_back();
        if (!array && isIn({"hits", "hits"}, 3))
            _answer.hits.emplace_back();
        if (array)
            requireNoElement();
        _path.push_back({array, {}});
    }

    // An answer is an object. Items are told apart by their position: with anything else among them nobody knows which is whose.
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

    // Which item the value being read belongs to, and where in the path its object is. We ask for updates only: what else an item says is
    // no answer to us.
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
        if (key == "type" && text == "circuit_breaking_exception")
            error.breaker = true;
        if (key == "reason" && text.find("script_lang not supported [painless]") != std::string::npos)
            error.noPainless = true;
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
            // What was read of it until then is not to be believed.
            answer = {};
        }
    }
    answer.whole.status = status;
    return answer;
}

} // namespace Leasehold
