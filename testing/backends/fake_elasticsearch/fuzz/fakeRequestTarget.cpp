#include "FuzzedEngine.h"
#include "fuzzing.h"

namespace Leasehold::Fuzz
{

namespace
{

/// Removes the first line from the text and returns it.
std::string line(std::string_view& text)
{
    const auto end = text.find('\n');
    const std::string taken(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    return taken;
}

} // namespace

void fakeRequest(std::string_view input)
{
    FuzzedEngine engine;
    const auto before = engine.fence();
    auto rest = input;
    const auto first = line(rest);
    const auto space = first.find(' ');
    Fake::Request request;
    request.method = first.substr(0, space);
    request.target = space == std::string::npos ? std::string() : first.substr(space + 1);
    request.contentType = line(rest);
    request.body = rest;

    const auto answer = engine.askAnything(request);
    engine.askAnything(request); // a second time, on the state that the first one left
    if (answer && request.method == "POST" && request.target.find("/_doc/") == std::string::npos)
        require(engine.fence() == 0 || engine.fence() >= before, "no script makes a fence less");
}

} // namespace Leasehold::Fuzz
