#include "Leasehold/EngineNode.h"

#include "ChildProcess.h"
#include "freePort.h"

#include <Poco/Exception.h>
#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/NetException.h>
#include <Poco/StreamCopier.h>
#include <Poco/TemporaryFile.h>

#include <csignal>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace Leasehold
{

namespace
{

constexpr auto startLimit = std::chrono::seconds(180);

struct Kind
{
    const char* name;       // shown
    const char* fetchName;  // what `fetch` calls it
    const char* prefix;     // of its system properties
    const char* configFile; // its settings
};

const Kind& kindOf(EngineKind kind)
{
    static constexpr Kind openSearch3{"OpenSearch 3.6.0", "opensearch3", "opensearch", "opensearch.yml"};
    static constexpr Kind elasticsearch7{"Elasticsearch 7.10.2", "elasticsearch7", "es", "elasticsearch.yml"};
    static constexpr Kind elasticsearch8{"Elasticsearch 8.19.21", "elasticsearch8", "es", "elasticsearch.yml"};
    switch (kind)
    {
    case EngineKind::openSearch3:
        return openSearch3;
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

void write(const std::filesystem::path& path, const std::string& content)
{
    std::ofstream file(path, std::ios::binary);
    file << content;
    if (!file.flush())
        throw Poco::RuntimeException("cannot write " + path.string());
}

} // namespace

const char* toString(EngineKind kind)
{
    return kindOf(kind).name;
}

struct EngineNode::Places
{
    EngineKind kind{};
    EngineOptions options{};
    std::string home{};
    std::string java{};
    std::filesystem::path folder{};
    int httpPort = 0;
    int transportPort = 0;
    ChildProcess process{};

    std::string log() const { return (folder / "log").string(); }
    std::string heap() const { return std::to_string(options.heapMegabytes) + "m"; }
    std::string compilers() const { return options.quickStart ? "-XX:TieredStopAtLevel=1" : "-XX:+TieredCompilation"; }

    void choose()
    {
        std::istringstream lines(outputOf({LEASEHOLD_ENGINE_FETCH, kindOf(kind).fetchName}));
        if (!std::getline(lines, home) || !std::getline(lines, java))
            throw Poco::RuntimeException("fetch did not say where the engine is");

        folder = Poco::TemporaryFile::tempName();
        for (const char* const name : {"config", "data", "logs", "tmp"})
            std::filesystem::create_directories(folder / name);
    }

    void configure()
    {
        std::ostringstream settings;
        settings << "cluster.name: leasehold-test\n"
                 << "node.name: node-" << httpPort << "\n"
                 << "network.host: 127.0.0.1\n"
                 << "http.port: " << httpPort << "\n"
                 << "transport.port: " << transportPort << "\n"
                 << "path.data: " << (folder / "data").string() << "\n"
                 << "path.logs: " << (folder / "logs").string()
                 << "\n"
                 // A full disk of the machine that runs the tests is not what they are about.
                 << "cluster.routing.allocation.disk.threshold_enabled: false\n";
        bool alone = true;
        for (const auto& line : options.settings)
        {
            settings << line << "\n";
            alone = alone && line.rfind("discovery.", 0) != 0;
        }
        if (alone)
            settings << "discovery.type: single-node\n";
        const auto config = folder / "config";
        write(config / kindOf(kind).configFile, settings.str());
        write(config / "log4j2.properties", logSettings);
        // The launcher of Elasticsearch 8 reads it; the others are started without one.
        write(config / "jvm.options",
              "-Xms" + heap() + "\n-Xmx" + heap() + "\n-XX:+UseSerialGC\n" + compilers() + "\n-Djava.io.tmpdir=${ES_TMPDIR}\n");
        for (const auto& [name, content] : options.configFiles)
            write(config / name, content);
        giveToChildUser(folder.string());
    }

    // The launch scripts are passed by, where that is possible: they start two more virtual machines just to find options.
    std::vector<std::string> command() const
    {
        if (kind == EngineKind::elasticsearch8)
            return {home + "/bin/elasticsearch"};

        const std::string prefix = kindOf(kind).prefix;
        std::vector<std::string> command{java + "/bin/java",
                                         "-Xms" + heap(),
                                         "-Xmx" + heap(),
                                         "-XX:+UseSerialGC",
                                         compilers(),
                                         "-Dfile.encoding=UTF-8",
                                         "-Djna.nosys=true",
                                         "-Dio.netty.noUnsafe=true",
                                         "-Dlog4j.shutdownHookEnabled=false",
                                         "-Dlog4j2.disable.jmx=true",
                                         "-Djava.io.tmpdir=" + (folder / "tmp").string(),
                                         "-D" + prefix + ".path.home=" + home,
                                         "-D" + prefix + ".path.conf=" + (folder / "config").string(),
                                         "-D" + prefix + ".distribution.type=zip"};
        if (kind == EngineKind::openSearch3)
        {
            command.push_back("-javaagent:" + home + "/agent/opensearch-agent.jar");
            command.push_back("-Dorg.apache.lucene.store.MMapDirectory.sharedArenaMaxPermits=1");
        }
        else
        {
            command.push_back("-Des.distribution.flavor=oss");
        }
        command.insert(command.end(), {"-cp", home + "/lib/*",
                                       kind == EngineKind::openSearch3 ? "org.opensearch.bootstrap.OpenSearch"
                                                                       : "org.elasticsearch.bootstrap.Elasticsearch"});
        return command;
    }

    void launch()
    {
        const char* const path = std::getenv("PATH");
        process.start(command(),
                      {std::string("PATH=") + (path != nullptr ? path : "/usr/bin:/bin"), "HOME=" + folder.string(), "LANG=C.UTF-8",
                       "JAVA_HOME=" + java, "ES_JAVA_HOME=" + java, "ES_PATH_CONF=" + (folder / "config").string(),
                       "ES_TMPDIR=" + (folder / "tmp").string()},
                      folder.string(), log());
    }

    bool logContains(const std::string& text) const
    {
        std::ifstream file(log());
        for (std::string line; std::getline(file, line);)
        {
            if (line.find(text) != std::string::npos)
                return true;
        }
        return false;
    }
};

EngineNode::EngineNode(EngineKind kind, EngineOptions options) : EngineNode(kind, std::move(options), 0, Unstarted{})
{
    // A port may be taken by another between the choice and the start: then others are chosen.
    for (int tries = 1;; ++tries)
    {
        try
        {
            start();
            if (!answers(std::chrono::steady_clock::now() + startLimit))
                throw Poco::RuntimeException(std::string(toString(kind)) + " did not answer in time; the end of its log:\n" + logTail());
            return;
        }
        catch (const Poco::RuntimeException&)
        {
            if (tries == 3 || !_places->logContains("Address already in use"))
                throw;
            _places->process.kill();
            std::filesystem::remove(_places->log());
            _places->httpPort = freePort();
            _places->transportPort = freePort();
        }
    }
}

EngineNode::EngineNode(EngineKind kind, EngineOptions options, int transportPort, Unstarted) : _places(std::make_unique<Places>())
{
    _places->kind = kind;
    _places->options = std::move(options);
    _places->choose();
    _places->httpPort = freePort();
    _places->transportPort = transportPort != 0 ? transportPort : freePort();
}

EngineNode::~EngineNode()
{
    _places->process.kill();
    std::error_code leftBehind; // a destructor cannot report it, and the folder is a temporary one
    std::filesystem::remove_all(_places->folder, leftBehind);
}

void EngineNode::addSetting(const std::string& line)
{
    _places->options.settings.push_back(line);
}

void EngineNode::start()
{
    _places->configure();
    _places->launch();
}

std::string EngineNode::url() const
{
    return (_places->options.tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(_places->httpPort);
}

int EngineNode::port() const
{
    return _places->httpPort;
}

pid_t EngineNode::pid() const
{
    return _places->process.pid();
}

EngineReply EngineNode::ask(const std::string& method, const std::string& path, const std::string& body, std::chrono::seconds limit) const
{
    Poco::Net::HTTPClientSession session("127.0.0.1", static_cast<Poco::UInt16>(_places->httpPort));
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

void EngineNode::stopHanging()
{
    _places->process.signal(SIGSTOP);
}

void EngineNode::resume()
{
    _places->process.signal(SIGCONT);
}

void EngineNode::kill()
{
    _places->process.kill();
}

void EngineNode::restart()
{
    _places->process.kill();
    std::filesystem::remove(_places->log());
    start();
    if (!answers(std::chrono::steady_clock::now() + startLimit))
        throw Poco::RuntimeException(std::string(toString(_places->kind)) + " did not answer after its restart; the end of its log:\n" +
                                     logTail());
}

std::string EngineNode::logTail() const
{
    std::ifstream file(_places->log());
    std::deque<std::string> lines;
    for (std::string line; std::getline(file, line);)
    {
        lines.push_back(line);
        if (lines.size() > 40)
            lines.pop_front();
    }
    std::string tail;
    for (const auto& line : lines)
        tail += line + "\n";
    return tail;
}

bool EngineNode::answers(std::chrono::steady_clock::time_point deadline)
{
    while (std::chrono::steady_clock::now() < deadline)
    {
        if (!_places->process.isRunning())
            throw Poco::RuntimeException(std::string(toString(_places->kind)) + " ended at its start; the end of its log:\n" + logTail());
        if (_places->options.tls)
        {
            if (_places->logContains("] started"))
                return true;
        }
        else
        {
            try
            {
                const int status = ask("GET", "/_cluster/health?wait_for_status=yellow&timeout=2s", {}, std::chrono::seconds(5)).status;
                // A node that asks who we are has started.
                if (status == 200 || status == 401)
                    return true;
            }
            catch (const Poco::IOException&)
            {
                // Not listening yet.
            }
            catch (const Poco::TimeoutException&)
            {
                // Listening, and not ready yet.
            }
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return false;
}

} // namespace Leasehold
