#include "EngineNode.h"

#include <Poco/Exception.h>
#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/NetException.h>
#include <Poco/StreamCopier.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

namespace Leasehold
{

namespace
{

struct Kind
{
    const char* name;       // for people
    const char* fetchName;  // as an argument of `fetch`
    const char* prefix;     // of its system properties
    const char* configFile; // the file of its settings
    const char* mainClass;
};

const Kind& kindOf(EngineKind kind)
{
    static constexpr const char* openSearch = "org.opensearch.bootstrap.OpenSearch";
    static constexpr const char* elasticsearch = "org.elasticsearch.bootstrap.Elasticsearch";
    static constexpr Kind openSearch3{"OpenSearch 3.6.0", "opensearch3", "opensearch", "opensearch.yml", openSearch};
    static constexpr Kind openSearch2{"OpenSearch 2.19.4", "opensearch2", "opensearch", "opensearch.yml", openSearch};
    static constexpr Kind elasticsearch7{"Elasticsearch 7.10.2", "elasticsearch7", "es", "elasticsearch.yml", elasticsearch};
    static constexpr Kind elasticsearch8{"Elasticsearch 8.19.21", "elasticsearch8", "es", "elasticsearch.yml", elasticsearch};
    switch (kind)
    {
    case EngineKind::openSearch3:
        return openSearch3;
    case EngineKind::openSearch2:
        return openSearch2;
    case EngineKind::elasticsearch7:
        return elasticsearch7;
    case EngineKind::elasticsearch8:
        break;
    }
    return elasticsearch8;
}

constexpr const char* logSettings = R"(status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%c{1.}] %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
)";

} // namespace

const char* toString(EngineKind kind)
{
    return kindOf(kind).name;
}

EngineNode::EngineNode(EngineKind kind, EngineOptions options) : EngineNode(kind, std::move(options), Unstarted{})
{
    start();
}

EngineNode::EngineNode(EngineKind kind, EngineOptions options, Unstarted) :
    ServerProcess({.name = toString(kind), .ports = 2, .refusesRoot = true, .startLimit = std::chrono::seconds(180)}), _kind(kind),
    _options(std::move(options))
{
    const auto places = fetchedServer(kindOf(kind).fetchName);
    if (places.size() != 2)
        throw Poco::RuntimeException("fetch did not say where the engine is");
    _home = places[0];
    _java = places[1];
    for (const char* const name : {"config", "data", "logs", "tmp"})
        std::filesystem::create_directories(folder() / name);
}

std::string EngineNode::url() const
{
    return (_options.tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port());
}

EngineReply EngineNode::ask(const std::string& method, const std::string& path, const std::string& body, std::chrono::seconds limit) const
{
    Poco::Net::HTTPClientSession session("127.0.0.1", static_cast<Poco::UInt16>(port()));
    session.setTimeout(Poco::Timespan(limit.count(), 0));
    Poco::Net::HTTPRequest request(method, path, "HTTP/1.1");
    if (!body.empty())
    {
        request.setContentType("application/json");
        request.setContentLength(static_cast<std::streamsize>(body.size()));
    }
    session.sendRequest(request) << body;
    Poco::Net::HTTPResponse response;
    EngineReply reply;
    Poco::StreamCopier::copyToString(session.receiveResponse(response), reply.body);
    reply.status = response.getStatus();
    return reply;
}

/// Whether a setting of the options begins with this text.
bool EngineNode::sets(const char* prefix) const
{
    return std::any_of(_options.settings.begin(), _options.settings.end(), [prefix](const auto& line) { return line.starts_with(prefix); });
}

void EngineNode::configure()
{
    std::ostringstream settings;
    settings << "cluster.name: leasehold-test\n"
             << "node.name: node-" << port() << "\n"
             << "network.host: 127.0.0.1\n"
             << "http.port: " << port() << "\n"
             << "transport.port: " << transportPort() << "\n"
             << "path.data: " << (folder() / "data").string() << "\n"
             << "path.logs: " << (folder() / "logs").string()
             << "\n"
             // The tests must not depend on the free space of the machine's disk.
             << "cluster.routing.allocation.disk.threshold_enabled: false\n";
    for (const auto& line : _options.settings)
        settings << line << "\n";
    if (!sets("discovery."))
        settings << "discovery.type: single-node\n";
    if (_kind == EngineKind::openSearch2 && !sets("plugins.security."))
        settings << "plugins.security.disabled: true\n";
    const std::filesystem::path config = "config";
    write(config / kindOf(_kind).configFile, settings.str());
    write(config / "log4j2.properties", logSettings);
    // Elasticsearch 8 is started by its launcher, which reads this file. The others are started without a launcher.
    write(config / "jvm.options",
          "-Xms" + heap() + "\n-Xmx" + heap() + "\n-XX:+UseSerialGC\n" + compilers() + "\n-Djava.io.tmpdir=${ES_TMPDIR}\n");
    for (const auto& [name, content] : _options.configFiles)
    {
        write(config / name, content);
    }
}

// Start the engine without its launch scripts where possible: these start two more virtual machines to find _options.
std::vector<std::string> EngineNode::command() const
{
    if (_kind == EngineKind::elasticsearch8)
        return {_home + "/bin/elasticsearch"};

    const std::string prefix = kindOf(_kind).prefix;
    std::vector<std::string> command{_java + "/bin/java",
                                     "-Xms" + heap(),
                                     "-Xmx" + heap(),
                                     "-XX:+UseSerialGC",
                                     compilers(),
                                     "-Dfile.encoding=UTF-8",
                                     "-Djna.nosys=true",
                                     "-Dio.netty.noUnsafe=true",
                                     "-Dlog4j.shutdownHookEnabled=false",
                                     "-Dlog4j2.disable.jmx=true",
                                     "-Djava.io.tmpdir=" + (folder() / "tmp").string(),
                                     "-D" + prefix + ".path.home=" + _home,
                                     "-D" + prefix + ".path.conf=" + (folder() / "config").string(),
                                     "-D" + prefix + ".distribution.type=zip"};
    if (_kind == EngineKind::openSearch3)
    {
        command.push_back("-javaagent:" + _home + "/agent/opensearch-agent.jar");
        command.push_back("-Dorg.apache.lucene.store.MMapDirectory.sharedArenaMaxPermits=1");
    }
    else if (_kind == EngineKind::elasticsearch7)
    {
        command.push_back("-Des.distribution.flavor=oss");
    }
    command.insert(command.end(), {"-cp", _home + "/lib/*", kindOf(_kind).mainClass});
    return command;
}

std::vector<std::string> EngineNode::environment() const
{
    return {"JAVA_HOME=" + _java, "ES_JAVA_HOME=" + _java, "ES_PATH_CONF=" + (folder() / "config").string(),
            "ES_TMPDIR=" + (folder() / "tmp").string()};
}

bool EngineNode::answers()
{
    if (_options.tls)
        return logContains("] started");
    try
    {
        const int status = ask("GET", "/_cluster/health?wait_for_status=yellow&timeout=2s", {}, std::chrono::seconds(5)).status;
        // A node that asks for credentials has started.
        return status == 200 || status == 401;
    }
    catch (const Poco::IOException&)
    {
        return false; // it does not listen yet
    }
    catch (const Poco::TimeoutException&)
    {
        return false; // it listens, but is not ready yet
    }
}

} // namespace Leasehold
