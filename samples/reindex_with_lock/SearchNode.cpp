#include "SearchNode.h"

#include <Poco/Exception.h>
#include <Poco/JSON/Parser.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/StreamCopier.h>
#include <Poco/Timespan.h>

#include <sstream>

namespace
{

std::string reindexBody(const std::string& source, const std::string& target)
{
    Poco::JSON::Object from, to, body;
    from.set("index", source);
    from.set("size", 100);
    to.set("index", target);
    body.set("source", from);
    body.set("dest", to);
    std::ostringstream text;
    body.stringify(text);
    return text.str();
}

} // namespace

SearchNode::SearchNode(const std::string& url) : _uri(url), _session(_uri.getHost(), _uri.getPort())
{
    _session.setKeepAlive(true);
    _session.setTimeout(Poco::Timespan(30, 0));
}

Poco::JSON::Object::Ptr SearchNode::ask(const std::string& method, const std::string& path, const std::string& body)
{
    Poco::Net::HTTPRequest request(method, path, Poco::Net::HTTPMessage::HTTP_1_1);
    request.setContentType("application/json");
    request.setContentLength(static_cast<std::streamsize>(body.size()));
    _session.sendRequest(request) << body;

    Poco::Net::HTTPResponse response;
    std::string answer;
    Poco::StreamCopier::copyToString(_session.receiveResponse(response), answer);
    if (response.getStatus() >= Poco::Net::HTTPResponse::HTTP_BAD_REQUEST)
        throw Poco::RuntimeException("the node answered " + std::to_string(response.getStatus()) + " to " + method + " " + path, answer);
    return Poco::JSON::Parser().parse(answer).extract<Poco::JSON::Object::Ptr>();
}

std::string SearchNode::startReindex(const std::string& source, const std::string& target, int documentsPerSecond)
{
    const auto pace = documentsPerSecond > 0 ? std::to_string(documentsPerSecond) : std::string("-1");
    return ask("POST", "/_reindex?wait_for_completion=false&refresh=true&requests_per_second=" + pace, reindexBody(source, target))
        ->getValue<std::string>("task");
}

SearchNode::Progress SearchNode::progressOf(const std::string& task)
{
    const auto answer = ask("GET", "/_tasks/" + task);
    if (answer->has("error"))
        throw Poco::RuntimeException("the re-indexing failed", answer->getObject("error")->getValue<std::string>("reason"));
    const auto status = answer->getObject("task")->getObject("status");
    return {answer->getValue<bool>("completed"), status->getValue<long long>("created") + status->getValue<long long>("updated")};
}

void SearchNode::cancel(const std::string& task)
{
    ask("POST", "/_tasks/" + task + "/_cancel");
}
