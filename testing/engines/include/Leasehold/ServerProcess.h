#pragma once

#include "Leasehold/ChildProcess.h"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace Leasehold
{

/// What ServerProcess must know of a server.
struct ServerNature
{
    std::string name{};       ///< with its version, for people
    std::size_t ports = 1;    ///< how many ports of the loopback it listens on
    bool refusesRoot = false; ///< if we are root, it runs as the user "nobody"
    std::chrono::seconds startLimit = std::chrono::seconds(60);
};

/// A real server of the tests: a child process on free loopback ports, with all its files in a temporary folder. A derived class says how
/// to configure and start it. The destructor kills it.
///
/// The kernel kills the server when the thread that started it ends, so start servers on the main thread. Not thread-safe. Every function
/// throws Poco::RuntimeException, with the end of the server's log, if it cannot do its work; no test is skipped.
class ServerProcess
{
public:
    virtual ~ServerProcess();
    ServerProcess(const ServerProcess&) = delete;
    ServerProcess& operator=(const ServerProcess&) = delete;

    const std::string& name() const { return _nature.name; }
    /// The same after restart().
    int port(std::size_t index = 0) const { return _ports.at(index); }
    /// -1: it does not run.
    pid_t pid() const { return _process ? _process->pid() : -1; }
    const std::filesystem::path& folder() const { return _folder; }

    /// Starts the server and returns when it answers. Another program may have taken one of the ports: then it chooses other ports.
    void start();
    /// The two halves of start(), for servers that answer only together. They keep the ports.
    void launch();
    void awaitAnswer();

    /// SIGSTOP to the server's process group: connections stay open, and nothing is answered.
    virtual void pause();
    /// SIGCONT. It may be called without pause().
    virtual void resume();
    /// SIGKILL; returns when the process has ended.
    virtual void kill();
    /// Kills the server if it runs, starts it with the same ports and data, and returns when it answers.
    void restart();

    /// The end of the server's log, for messages.
    std::string logTail() const;
    /// Whether a line of its log since the last start contains this text, in whatever case.
    bool logContains(const std::string& text) const;

protected:
    /// Chooses the ports and makes the folder. The constructor of the derived class, or its owner, calls start().
    explicit ServerProcess(ServerNature nature);

    /// Writes the configuration for the chosen ports into the folder. Called before each start. The folder is given to the server's user
    /// afterwards.
    virtual void configure() {}
    virtual std::vector<std::string> command() const = 0;
    /// Whether it answers. Called again and again; returns within a few seconds, and throws only if it will never answer.
    virtual bool answers() = 0;
    /// "NAME=VALUE" beside PATH, LANG and HOME, which is the folder.
    virtual std::vector<std::string> environment() const { return {}; }

    /// How its programs are run: as its user, in its folder, with its environment and log.
    ChildOptions childOptions() const;
    /// Writes a file into the folder; makes the folders between.
    void write(const std::filesystem::path& name, const std::string& content) const;

private:
    void giveFolderToServer() const;
    std::filesystem::path log() const { return _folder / "server.log"; }

    ServerNature _nature;
    std::vector<int> _ports;
    std::filesystem::path _folder;
    std::optional<ChildProcess> _process;
};

/// The lines that `fetch` prints for this kind of server, which it fetches unless it is in the cache.
std::vector<std::string> fetchedServer(const std::string& kind);

} // namespace Leasehold
