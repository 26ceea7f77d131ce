#include "LockSearch.h"

#include "ElasticsearchScripts.h"
#include "jsonText.h"
#include "net/HttpNode.h"

#include <algorithm>

namespace Leasehold::Elasticsearch::LockSearch
{

std::string path(const std::string& index)
{
    return "/" + Net::percentEncoded(index) +
           "/_search?allow_partial_search_results=false&filter_path=hits.hits._source,hits.hits.fields,error.type,error.reason,error."
           "caused_by";
}

std::string live(const std::string& prefix, const std::string& after, std::size_t size)
{
    std::string body = R"({"size":)" + std::to_string(size) +
                       R"(,"track_total_hits":false,"query":{"bool":{"filter":[{"range":{"expires":{"gt":"now"}}},)"
                       R"({"terms":{"standing":["held","broken"]}})";
    if (!prefix.empty())
    {
        body += R"(,{"prefix":{"name":)";
        appendJsonText(body, prefix);
        body += "}}";
    }
    body += R"(]}},"sort":[{"name":"asc"}],"script_fields":{"now":{"script":{"lang":"painless","source":)";
    appendJsonText(body, ElasticsearchScripts::now);
    body += R"(}}},"_source":["name","standing","fence","acquired","expires","ttl","metadata"])";
    if (!after.empty())
    {
        body += R"(,"search_after":[)";
        appendJsonText(body, after);
        body += ']';
    }
    body += '}';
    return body;
}

std::string dead(Milliseconds retention, std::size_t size)
{
    const auto seconds = std::chrono::floor<std::chrono::seconds>(std::clamp(retention, Milliseconds(0), longestRetention)).count();
    return R"({"size":)" + std::to_string(size) +
           R"(,"track_total_hits":false,"query":{"bool":{"filter":[{"range":{"expires":{"lt":"now-)" + std::to_string(seconds) +
           R"(s"}}}]}},"sort":[{"fence":"asc"}],"_source":["name"]})";
}

} // namespace Leasehold::Elasticsearch::LockSearch
