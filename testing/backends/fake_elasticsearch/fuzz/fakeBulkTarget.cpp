#include "FuzzedEngine.h"
#include "fuzzing.h"

#include <algorithm>

namespace Leasehold::Fuzz
{

namespace
{

const std::string lines = "application/x-ndjson";

} // namespace

void fakeBulk(std::string_view input)
{
    const std::string body(input);
    FuzzedEngine engine;
    const auto before = engine.fence();
    const auto answer = engine.askAnything({"POST", "/locks/_bulk?require_alias=true&_source=true", lines, body});
    require(engine.fence() == 0 || engine.fence() >= before, "no script makes a fence less");
    if (!answer || answer->has("error"))
    {
        require(engine.fence() == before, "a bulk that is refused as a whole changes nothing");
        return;
    }

    const auto items = answer->getArray("items");
    require(items && items->size() > 0, "a bulk that was carried out has items");
    require(static_cast<std::ptrdiff_t>(items->size()) * 2 <= std::count(body.begin(), body.end(), '\n'), "each item had two lines");
    bool failed = false;
    for (const auto& each : *items)
    {
        require(Fake::isObject(each), "an item is an object");
        const auto item = Fake::objectMember(each.extract<Fake::Object>(), "update");
        require(item && item->has("status") && item->has("_id"), "an item says which document, and how it went");
        const bool bad = item->has("error");
        require(bad == (item->getValue<int>("status") >= 400), "an item has an error if its status says so");
        require(bad != item->has("result"), "an item has a result or an error");
        failed = failed || bad;
    }
    require(answer->getValue<bool>("errors") == failed, "the answer says whether an item has failed");
}

} // namespace Leasehold::Fuzz
