#pragma once

#include <Poco/JSON/Object.h>
#include <Poco/Net/HTTPClientSession.h>
#include <Poco/URI.h>

#include <string>

/// One node of Elasticsearch or OpenSearch, and the three requests of a re-indexing. Not thread-safe. Throws Poco::Exception if
/// the node does not answer, or answers with an error, which is in the message.
class SearchNode
{
public:
    explicit SearchNode(const std::string& url);

    /// Starts to copy every document of `source` to `target`. Returns the name of the engine's task. `documentsPerSecond` 0: as
    /// quick as it can.
    std::string startReindex(const std::string& source, const std::string& target, int documentsPerSecond);

    struct Progress
    {
        bool completed = false;
        long long copied = 0;
    };
    Progress progressOf(const std::string& task);

    void cancel(const std::string& task);

private:
    Poco::JSON::Object::Ptr ask(const std::string& method, const std::string& path, const std::string& body = {});

    Poco::URI _uri;
    Poco::Net::HTTPClientSession _session;
};
