#include "RandomRequests.h"

#include "LockOperations.h"
#include "net/HttpNode.h"

namespace Leasehold
{

using namespace Elasticsearch;

namespace
{

const std::string lines = "application/x-ndjson";
const std::string probe = R"({"script":{"lang":"painless","source":"ctx.op = 'noop';"},"scripted_upsert":true,"upsert":{}})";

} // namespace

PlannedRequest RandomRequests::malformed()
{
    PlannedRequest request;
    switch (below(9))
    {
    case 0:
    case 1:
        request = pick({0, 1}) == 0 ? update() : bulk();
        damageText(request);
        break;
    case 2:
        request = chance(60) ? update() : bulk();
        damageQuery(request);
        break;
    case 3:
    case 4:
        request = oddUpdate();
        break;
    case 5:
    case 6:
        request = oddBulk();
        break;
    case 7:
        request = oddSearch();
        break;
    default:
        request = chance(80) ? oddPath() : oddIndex();
        break;
    }
    request.malformed = true;
    return request;
}

void RandomRequests::damageText(PlannedRequest& request)
{
    auto& body = request.body;
    const auto place = below(body.size());
    switch (below(7))
    {
    case 0:
        request.what += ", cut";
        body.resize(place);
        break;
    case 1:
        request.what += ", with text after it";
        body += pick({" x", "{}", "]", "}", "\n{}", "\x01"});
        break;
    case 2:
        request.what += ", with another character in it";
        body[place] = pick({'{', '}', '[', ']', ':', ',', '"', '\\', '0', 'x', '\n'});
        break;
    case 3:
        request.what += ", with a character more in it";
        body.insert(place, 1, pick({'{', '}', '[', ']', ':', ',', '"', '\\', '0', 'x', '\n'}));
        break;
    case 4:
        request.what += ", with a piece left out";
        body.erase(place, 1 + below(8));
        break;
    case 5:
        request.what += ", with a byte that is no text";
        body.insert(place, pick({"\xff", "\xc3", "\xed\xa0\x80", "\x01", "\x7f"}));
        break;
    default:
        request.what += ", with another type of content";
        request.contentType = pick({"text/plain", "", "application/x-www-form-urlencoded", "application/json;charset=utf-8",
                                    "application/JSON", "application/x-ndjson"});
        break;
    }
}

void RandomRequests::damageQuery(PlannedRequest& request)
{
    auto& target = request.target;
    switch (below(4))
    {
    case 0:
        request.what += ", with a parameter that nobody knows";
        target += pick({"&nothing=1", "&nothing", "&Refresh=true", "&=1"});
        break;
    case 1:
        request.what += ", with a value that is none";
        target +=
            pick({"&timeout=5", "&timeout=", "&timeout=-1s", "&timeout=5x", "&retry_on_conflict=many",
                  "&retry_on_conflict=", "&require_alias=maybe", "&require_alias=", "&refresh=never", "&refresh=false", "&timeout=1.5s"});
        break;
    case 2:
        request.what += ", with other parts asked for";
        target = target.substr(0, target.find("&filter_path")) +
                 pick({"&_source=true", "&_source=false", "&_source=fence", "&_source=fence,token", "&_source_includes=fence",
                       "&_source=", "&filter_path=result", "&filter_path=items", "&filter_path=", "&filter_path=*.*",
                       "&filter_path=nothing", "&filter_path=_*,res*", "&filter_path=*%5B,re%3F*,res*"});
        break;
    default:
        request.what += ", with another method";
        request.method = pick({"GET", "PUT", "DELETE", "HEAD", "PATCH"});
        break;
    }
}

PlannedRequest RandomRequests::oddUpdate()
{
    static const std::vector<std::string> bodies{
        "",
        " ",
        "{}",
        "[]",
        "null",
        "5",
        "\"text\"",
        "{",
        "}",
        "{\"script\"",
        "{'script':{}}",
        "{/**/}",
        "{\"script\":NaN}",
        "{\"script\":{},}",
        "{\"script\":01}",
        "{\"script\":5}",
        "{\"script\":null}",
        "{\"script\":[]}",
        "{\"script\":true}",
        "{\"script\":{}}",
        "{\"script\":\"ctx.op = 'noop';\"}",
        R"({"script":{"source":5}})",
        R"({"script":{"source":null}})",
        R"({"script":{"source":{}}})",
        R"({"script":{"source":"ctx.op = 'noop';","params":5}})",
        R"({"script":{"source":"ctx.op = 'noop';","params":[]}})",
        R"({"script":{"source":"ctx.op = 'noop';","params":null}})",
        R"({"script":{"source":"ctx.op = 'noop';","unknown":1}})",
        R"({"script":{"source":"ctx.op = 'noop';","lang":5}})",
        R"({"script":{"source":"ctx.op = 'noop';"},"upsert":5})",
        R"({"script":{"source":"ctx.op = 'noop';"},"upsert":[]})",
        R"({"script":{"source":"ctx.op = 'noop';"},"upsert":null})",
        R"({"script":{"source":"ctx.op = 'noop';"},"upsert":"x"})",
        R"({"script":{"source":"ctx.op = 'noop';"},"upsert":{},"scripted_upsert":"true"})",
        R"({"script":{"source":"ctx.op = 'noop';"},"upsert":{},"scripted_upsert":"maybe"})",
        R"({"script":{"source":"ctx.op = 'noop';"},"upsert":{},"scripted_upsert":1})",
        R"({"script":{"source":"ctx.op = 'noop';"},"upsert":{},"scripted_upsert":null})",
        R"({"script":{"source":"ctx.op = 'noop';"},"upsert":{},"scripted_upsert":{}})",
        R"({"script":{"source":"ctx.op = 'noop';"},"unknown":1})",
        R"({"unknown":1,"script":{"source":"ctx.op = 'noop';"}})",
        R"({"script":{"source":"ctx.op = 'noop';"},"_source":5})",
        R"({"script":{"source":"ctx.op = 'noop';"},"_source":true})",
        R"({"script":{"source":"ctx.op = 'noop';"},"_source":false})",
        R"({"script":{"source":"ctx.op = 'noop';"},"_source":"fence"})",
        R"({"script":{"source":"ctx.op = 'noop';"},"_source":["fence","token"]})",
        R"({"script":{"source":"ctx.op = 'noop';"},"_source":[]})",
        R"({"script":{"source":"ctx.op = 'noop';"},"_source":null})",
        R"({"script":{"source":"ctx.op = 'noop';"},"script":{"source":"ctx.op = 'noop';"}})",
        R"({"upsert":{}})",
        R"({"scripted_upsert":true,"upsert":{}})",
    };
    PlannedRequest request{"an odd update", true, "POST", "/locks/_update/", {}};
    request.target += pick({"a", "a", "b", "never"});
    if (chance(70))
        request.target += "?require_alias=true";
    // The store's scripts without parameters that they need.
    if (chance(25))
    {
        std::string what;
        auto one = operation(what);
        const std::string members[] = {"token", "ttl", "fence", "floor", "spare", "retention", "name", "wantedFor"};
        const auto& member = members[below(std::size(members))];
        const auto place = one.body.find("\"" + member + "\":", one.body.find("\"params\":{"));
        request.what = what + " without " + member;
        if (place != std::string::npos)
            one.body.insert(place + 1, "no_");
        request.body = one.body;
        request.target = "/locks/_update/" + Net::percentEncoded(one.id) + "?require_alias=true";
        return request;
    }
    request.body = pick(bodies);
    request.what += " " + request.body;
    return request;
}

PlannedRequest RandomRequests::oddBulk()
{
    static const std::vector<std::string> actions{
        "",
        " ",
        "{}",
        "[]",
        "null",
        "5",
        "x",
        "{",
        R"({"update")",
        R"({"update":null})",
        R"({"update":5})",
        R"({"update":[]})",
        R"({"update":{}})",
        R"({"update":{"_id":null}})",
        R"({"update":{"_id":5}})",
        R"({"update":{"_id":true}})",
        R"({"update":{"_id":1.5}})",
        R"({"update":{"_id":""}})",
        R"({"update":{"_id":{}}})",
        R"({"update":{"_id":["a"]}})",
        R"({"update":{"_id":"a","unknown":1}})",
        R"({"update":{"_id":"a","require_alias":"true"}})",
        R"({"update":{"_id":"a","require_alias":"maybe"}})",
        R"({"update":{"_id":"a","require_alias":false}})",
        R"({"update":{"_id":"a","require_alias":null}})",
        R"({"update":{"_id":"a","retry_on_conflict":"3"}})",
        R"({"update":{"_id":"a","retry_on_conflict":"many"}})",
        R"({"update":{"_id":"a","retry_on_conflict":true}})",
        R"({"update":{"_id":"a","_source":true}})",
        R"({"update":{"_id":"a","_source":"fence"}})",
        R"({"update":{"_id":"a","_source":["fence"]}})",
        R"({"update":{"_id":"a","_index":"locks"}})",
        R"({"update":{"_id":"a","_index":"nothing"}})",
        R"({"update":{"_id":"a","_index":5}})",
        R"({"update":{"_id":"a"},"update":{"_id":"b"}})",
        R"({"update":{"_id":"a"},"x":{}})",
        R"({"update":{"_id":"a"}} x)",
        R"({"update":{"_id":"a","_id":"b"}})",
        R"({"frob":{}})",
        R"({"frob":{"_id":"a"}})",
        R"({"frob":5})",
        R"({"index":{"_id":"a"}})",
        R"({"delete":{"_id":"never"}})",
        R"({"update":{"_id":"never"}})",
    };
    PlannedRequest request{"an odd bulk", true, "POST", "/locks/_bulk", {}, lines};
    if (chance(50))
        request.target += "?require_alias=true";
    if (chance(5))
        request.target = "/_bulk?require_alias=true";
    std::string good;
    std::string unused;
    appendBulkLines(good, operation(unused));
    const auto action = chance(90) ? pick(actions) : R"({"update":{"_id":")" + std::string(513, 'y') + R"("}})";
    switch (below(6))
    {
    case 0:
        request.body = pick({"", "\n", "\n\n", "{}", "\r\n"});
        request.what += " of almost nothing";
        return request;
    case 1:
    {
        const std::string after = pick({"\n", "\n\n", "{\"update\":{\"_id\":\"a\"}}\n", " \n", "\r\n"});
        request.body = good + after + (chance(50) ? good : std::string());
        request.what += " with a line more: " + after;
        return request;
    }
    case 2:
        request.body = good + action + "\n" + probe + "\n" + good;
        break;
    default:
        request.body = action + "\n" + (chance(80) ? probe : pick({"{}", "", "{", "5", R"({"unknown":1})"})) + "\n";
        if (chance(5))
            request.body.pop_back();
        break;
    }
    request.what += " " + action;
    return request;
}

PlannedRequest RandomRequests::oddSearch()
{
    static const std::vector<std::string> bodies{"",
                                                 "{}",
                                                 "[]",
                                                 "null",
                                                 "5",
                                                 "{",
                                                 "{\"size\":1",
                                                 "{} x",
                                                 "{'size':1}",
                                                 R"({"size":-1})",
                                                 R"({"size":10001})",
                                                 R"({"size":0})",
                                                 R"({"size":"200"})",
                                                 R"({"size":"x"})",
                                                 R"({"size":1.5})",
                                                 R"({"size":null})",
                                                 R"({"size":[]})",
                                                 R"({"unknown":1})",
                                                 R"({"query":5})",
                                                 R"({"query":{}})",
                                                 R"({"query":{"match_all":{}}})",
                                                 R"({"query":{"nothing":{}}})",
                                                 R"({"query":{"range":{"expires":{"gt":"yesterday"}}}})",
                                                 R"({"query":{"bool":{"filter":[]}}})",
                                                 R"({"query":{"bool":{"filter":[{"prefix":{"name":5}}]}}})",
                                                 R"({"query":{"bool":{"filter":[{"terms":{"standing":[]}}]}}})",
                                                 R"({"query":{"bool":{"filter":[{"terms":{"standing":"held"}}]}}})",
                                                 R"({"sort":[{"name":"asc"}]})",
                                                 R"({"sort":[{"name":"up"}]})",
                                                 R"({"sort":[{"nothing":"asc"}]})",
                                                 R"({"sort":[{"fence":"asc"}],"search_after":["x"]})",
                                                 R"({"sort":[{"fence":"asc"}],"search_after":[1,2]})",
                                                 R"({"search_after":["a"]})",
                                                 R"({"sort":[{"fence":"asc"}],"search_after":[5]})",
                                                 R"({"track_total_hits":false})",
                                                 R"({"track_total_hits":true,"size":500})",
                                                 R"({"_source":["name"]})",
                                                 R"({"_source":false})",
                                                 R"({"_source":"name"})"};
    PlannedRequest request{"an odd search", true, "POST", "/locks/_search", {}};
    if (chance(20))
        request.target +=
            pick({"?allow_partial_search_results=maybe", "?nothing=1", "?allow_partial_search_results=true", "?filter_path=hits"});
    request.body = pick(bodies);
    request.what += " " + request.body;
    _coming.push_back(request);
    return {"refresh", false, "POST", "/locks/_refresh", {}};
}

PlannedRequest RandomRequests::oddPath()
{
    static const std::vector<std::string> targets{"/locks/_update",
                                                  "/locks/_update/",
                                                  "/locks/_update/a/b",
                                                  "/locks/_update//a",
                                                  "//_bulk",
                                                  "/locks//_bulk",
                                                  "/nothing/_search",
                                                  "/nothing/_refresh",
                                                  "/nothing/_update/a?require_alias=true",
                                                  "/locks-1/_update/a?require_alias=true",
                                                  "/locks/_refresh?nothing=1",
                                                  "/locks/_refresh?nothing=1&other=2",
                                                  "/locks/_search/a",
                                                  "/locks?nothing=1",
                                                  "/?nothing=1",
                                                  "/",
                                                  "/%zz",
                                                  "/locks/_update/%",
                                                  "/locks/_update/%2",
                                                  "/locks/_update/%ff",
                                                  "/locks/_update/a%2Fb",
                                                  "/locks/_update/%20",
                                                  "/locks/nothing/a/b",
                                                  "/nothing",
                                                  "/locks/_update/" + std::string(513, 'y')};
    if (chance(10))
        return {"an odd document", true, "GET", pick({"/nothing/_doc/a", "/locks/_doc/%ff", "/locks/_doc/never"}), {}};
    PlannedRequest request{"an odd path", true, pick({"POST", "POST", "GET", "PUT", "DELETE", "HEAD"}), pick(targets), {}};
    // A path of one part would create or delete an index.
    const bool oneStep = request.target.find('/', 1) == std::string::npos;
    if (oneStep && (request.method == "PUT" || request.method == "DELETE"))
        request.method = "POST";
    if (request.method == "POST" || request.method == "PUT")
        request.body = chance(70) ? probe : std::string();
    request.what += " " + request.method;
    return request;
}

PlannedRequest RandomRequests::oddIndex()
{
    static const std::vector<std::string> bodies{"",
                                                 "{",
                                                 "5",
                                                 "[]",
                                                 R"({"unknown":{}})",
                                                 R"({"settings":5})",
                                                 R"({"aliases":{"locks-1":{}}})",
                                                 R"({"settings":{"index":{"number_of_shards":"x"}}})",
                                                 R"({"mappings":[]})"};
    const std::string target =
        pick({"/_odd", "/Odd", "/-odd", "/+odd", "/o%20dd", "/o%2Fdd", "/..", "/o%23dd", "/o%3Add", "/locks", "/locks-1"});
    if (chance(50))
        return {"an odd name for an index", true, "PUT", target + (chance(30) ? "?nothing=1" : ""), chance(50) ? "" : "{}"};
    // The index may be created, so it is deleted afterwards.
    _coming.push_back({"delete the odd index", true, "DELETE", "/odd-1", {}});
    return {"an odd index", true, "PUT", "/odd-1", pick(bodies)};
}

} // namespace Leasehold
