#include "Leasehold/ServerProcess.h"

#include <Poco/Exception.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/String.h>
#include <Poco/TemporaryFile.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <sstream>
#include <thread>

#include <pwd.h>
#include <unistd.h>

namespace Leasehold
{

namespace
{

/// A loopback port that was free a moment ago.
int freePort()
{
    Poco::Net::ServerSocket socket;
    socket.bind(Poco::Net::SocketAddress("127.0.0.1", 0), false);
    return socket.address().port();
}

const passwd& nobody()
{
    const passwd* const found = ::getpwnam("nobody");
    if (found == nullptr)
        throw Poco::RuntimeException("a server refuses to run as root, and there is no user \"nobody\": run the tests as another user");
    return *found;
}

} // namespace

ServerProcess::ServerProcess(ServerNature nature) : _nature(std::move(nature)), _folder(Poco::TemporaryFile::tempName())
{
    for (std::size_t count = 0; count < _nature.ports; ++count)
        _ports.push_back(freePort());
    std::filesystem::create_directories(_folder);
}

ServerProcess::~ServerProcess()
{
    _process.reset();
    std::error_code leftBehind; // ignored: a destructor cannot report it, and the folder is a temporary one
    std::filesystem::remove_all(_folder, leftBehind);
}

void ServerProcess::start()
{
    for (int tries = 1;; ++tries)
    {
        launch();
        try
        {
            awaitAnswer();
            return;
        }
        catch (const Poco::RuntimeException&)
        {
            if (tries == 3 || !logContains("address already in use"))
                throw;
        }
        kill();
        for (auto& port : _ports)
            port = freePort();
    }
}

void ServerProcess::launch()
{
    std::filesystem::remove(log());
    configure();
    giveFolderToServer();
    _process.emplace(command(), childOptions());
}

void ServerProcess::awaitAnswer()
{
    const auto deadline = std::chrono::steady_clock::now() + _nature.startLimit;
    while (!answers())
    {
        if (_process.value().hasEnded())
            throw Poco::RuntimeException(name() + " ended at its start; the end of its log:\n" + logTail());
        if (std::chrono::steady_clock::now() >= deadline)
            throw Poco::RuntimeException(name() + " did not answer in time; the end of its log:\n" + logTail());
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

void ServerProcess::pause()
{
    _process.value().pause();
}

void ServerProcess::resume()
{
    if (_process && !_process->hasEnded())
        _process->resume();
}

void ServerProcess::kill()
{
    _process.reset();
}

void ServerProcess::restart()
{
    kill();
    launch();
    awaitAnswer();
}

std::string ServerProcess::logTail() const
{
    std::ifstream file(log());
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

bool ServerProcess::logContains(const std::string& text) const
{
    std::ifstream file(log());
    const auto wanted = Poco::toLower(text);
    for (std::string line; std::getline(file, line);)
    {
        if (Poco::toLower(line).find(wanted) != std::string::npos)
            return true;
    }
    return false;
}

ChildOptions ServerProcess::childOptions() const
{
    const char* const path = std::getenv("PATH");
    ChildOptions options{.outputFile = log().string(),
                         .errorFile = log().string(),
                         .leadsGroup = true,
                         .signalsGroup = true,
                         .environment = std::vector<std::string>{std::string("PATH=") + (path != nullptr ? path : "/usr/bin:/bin"),
                                                                 "HOME=" + _folder.string(), "LANG=C.UTF-8"},
                         .folder = _folder.string()};
    for (auto& setting : environment())
        options.environment->push_back(std::move(setting));
    if (_nature.refusesRoot && ::geteuid() == 0)
    {
        options.user = nobody().pw_uid;
        options.group = nobody().pw_gid;
    }
    return options;
}

void ServerProcess::write(const std::filesystem::path& name, const std::string& content) const
{
    const auto path = _folder / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream file(path, std::ios::binary);
    file << content;
    if (!file.flush())
        throw Poco::RuntimeException("cannot write " + path.string());
}

void ServerProcess::giveFolderToServer() const
{
    if (!_nature.refusesRoot || ::geteuid() != 0)
        return;
    const auto give = [](const std::filesystem::path& path)
    {
        if (::lchown(path.c_str(), nobody().pw_uid, nobody().pw_gid) != 0)
            throw Poco::RuntimeException("cannot give " + path.string() + " to the server's user: " + std::strerror(errno));
    };
    give(_folder);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(_folder))
        give(entry.path());
}

std::vector<std::string> fetchedServer(const std::string& kind)
{
    ChildProcess fetch({LEASEHOLD_ENGINE_FETCH, kind});
    std::istringstream said(fetch.hearAll(std::chrono::minutes(15)));
    if (fetch.wait() != 0)
        throw Poco::RuntimeException(std::string(LEASEHOLD_ENGINE_FETCH) + " " + kind + " failed; what it says is above");
    std::vector<std::string> lines;
    for (std::string line; std::getline(said, line);)
        lines.push_back(line);
    return lines;
}

} // namespace Leasehold
