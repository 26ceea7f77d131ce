#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

namespace Leasehold
{

enum class EngineKind
{
    openSearch3,
    elasticsearch7,
    elasticsearch8 ///< has no painless, but a security module
};

/// "OpenSearch 3.6.0", "Elasticsearch 7.10.2", "Elasticsearch 8.19.21".
const char* toString(EngineKind kind);

/// What a test wants different from the usual node.
struct EngineOptions
{
    std::vector<std::string> settings{};              ///< lines added to the node's YAML file
    std::map<std::string, std::string> configFiles{}; ///< name under the node's config folder -> content
    bool tls = false;                                 ///< the settings make it speak HTTPS: url() says so
    int heapMegabytes = 512;                          ///< of the virtual machine; several nodes at once do with less
    bool quickStart = true;                           ///< with the first compiler of the virtual machine only; false: as in production
};

/// What a node said.
struct EngineReply
{
    int status = 0;
    std::string body{};
};

/// One real node of an engine, as a process of its own on free loopback ports, with its data, logs and configuration in a
/// temporary folder that goes with it. The engine comes from the cache that `fetch` fills; nothing is skipped: if it
/// cannot be had or does not start, the constructor throws Poco::RuntimeException with the tail of its log.
///
/// The node dies with the thread that made it, whatever ends that, so make nodes on the main thread. Not thread-safe.
class EngineNode
{
public:
    /// Starts the node and returns when it answers.
    explicit EngineNode(EngineKind kind, EngineOptions options = {});
    ~EngineNode();
    EngineNode(const EngineNode&) = delete;
    EngineNode& operator=(const EngineNode&) = delete;

    /// "http://127.0.0.1:PORT"; the same after restart().
    std::string url() const;
    int port() const;
    pid_t pid() const;

    /// A request of an operator, over HTTP. Throws Poco::Exception if no whole answer comes within `limit` per read.
    EngineReply ask(const std::string& method, const std::string& path, const std::string& body = {},
                    std::chrono::seconds limit = std::chrono::seconds(20)) const;

    /// SIGSTOP: the node's connections stay open, and nothing is answered.
    void stopHanging();
    /// SIGCONT.
    void resume();
    /// SIGKILL; returns when the process is gone.
    void kill();
    /// Ends the node if it runs, and starts it again on the same ports and data; returns when it answers.
    void restart();

    /// The end of what the node has logged, for messages.
    std::string logTail() const;

private:
    friend class EngineCluster;
    struct Places;
    struct Unstarted
    {
    };
    EngineNode(EngineKind kind, EngineOptions options, int transportPort, Unstarted);
    void addSetting(const std::string& line);
    void start();
    bool answers(std::chrono::steady_clock::time_point deadline);

    std::unique_ptr<Places> _places;
};

} // namespace Leasehold
