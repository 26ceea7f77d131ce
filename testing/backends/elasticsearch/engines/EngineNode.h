#pragma once

#include "Leasehold/ServerProcess.h"

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace Leasehold
{

enum class EngineKind
{
    openSearch3,
    openSearch2, ///< with the security plugin, which is off unless the settings enable it
    elasticsearch7,
    elasticsearch8 ///< has no painless, but a security module
};

/// "OpenSearch 3.6.0", "OpenSearch 2.19.4", "Elasticsearch 7.10.2", "Elasticsearch 8.19.21".
const char* toString(EngineKind kind);

/// The options of a node that differ from the usual ones.
struct EngineOptions
{
    std::vector<std::string> settings{};              ///< lines added to the node's YAML file
    std::map<std::string, std::string> configFiles{}; ///< name under the node's config folder -> content
    bool tls = false;                                 ///< the settings make it use HTTPS, and url() has this scheme
    int heapMegabytes = 512;                          ///< of the virtual machine; use less for several nodes at once
    bool quickStart = true;                           ///< uses only the first compiler of the virtual machine; false: as in production
};

/// The answer of a node.
struct EngineReply
{
    int status = 0;
    std::string body{};
};

/// One real node of an engine. The engine comes from the cache that `fetch` fills.
class EngineNode : public ServerProcess
{
public:
    /// Starts the node and returns when it answers.
    explicit EngineNode(EngineKind kind, EngineOptions options = {});

    /// "http://127.0.0.1:PORT"; the same after restart().
    std::string url() const;

    /// Sends a request of an operator over HTTP. Throws Poco::Exception if a read takes longer than `limit` or the answer is incomplete.
    EngineReply ask(const std::string& method, const std::string& path, const std::string& body = {},
                    std::chrono::seconds limit = std::chrono::seconds(20)) const;

private:
    friend class EngineCluster;
    struct Unstarted
    {
    };
    EngineNode(EngineKind kind, EngineOptions options, Unstarted);
    int transportPort() const { return port(1); }
    bool sets(const char* prefix) const;
    std::string heap() const { return std::to_string(_options.heapMegabytes) + "m"; }
    const char* compilers() const { return _options.quickStart ? "-XX:TieredStopAtLevel=1" : "-XX:+TieredCompilation"; }

    void configure() override;
    std::vector<std::string> command() const override;
    std::vector<std::string> environment() const override;
    bool answers() override;

    EngineKind _kind;
    EngineOptions _options;
    std::string _home; // of the engine
    std::string _java;
};

} // namespace Leasehold
