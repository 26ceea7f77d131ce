// A writer that is paused for longer than its lease, and continues when another holder has the lock. No lock can prevent its late write,
// because it may have checked its lease just before the pause. The resource can prevent it by the fence. The sample shows this for a file
// and for a SQLite table, with real processes: SIGSTOP stops the writer.

#include "FencedFile.h"
#include "FencedTable.h"

#include <Leasehold/Exceptions.h>
#include <Leasehold/LockManagerService.h>
#include <Leasehold/SQLiteLockStore.h>

#include <csignal>
#include <filesystem>
#include <functional>
#include <iostream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace
{

/// The data of both resources: a number to which holders of the lock add.
struct Counter
{
    std::function<void(Leasehold::Fence)> enter;
    std::function<long long()> read;
    std::function<void(Leasehold::Fence, long long)> write;
};

Counter fileCounter(const std::string& folder)
{
    const auto file = std::make_shared<FencedFile>(folder + "/counter.txt");
    return {[file](Leasehold::Fence fence) { file->enter(fence); },
            [file]
            {
                const auto text = file->read();
                return text.empty() ? 0LL : std::stoll(text);
            },
            [file](Leasehold::Fence fence, long long value) { file->replace(fence, std::to_string(value)); }};
}

Counter tableCounter(const std::string& folder)
{
    const auto table = std::make_shared<FencedTable>(folder + "/counter.db");
    return {[table](Leasehold::Fence fence) { table->enter(fence); }, [table] { return table->value(); },
            [table](Leasehold::Fence fence, long long value) { table->setValue(fence, value); }};
}

using OpenCounter = Counter (*)(const std::string&);

Leasehold::LockManagerService openLocks(const std::string& folder)
{
    return Leasehold::LockManagerService(
        std::make_shared<Leasehold::SQLiteLockStore>(Leasehold::SQLiteOptions{.path = folder + "/locks.db"}));
}

/// Adds `amount`, and is stopped between reading and writing. The exit status tells the outcome of the write.
enum Outcome : int
{
    written = 0,
    refused = 10
};

int runPausedWriter(const std::string& folder, OpenCounter open)
{
    auto locks = openLocks(folder);
    const auto counter = open(folder);
    const auto lock = locks.acquire("counter", {.ttl = 1s});
    counter.enter(lock.fence()); // before the first read
    const auto value = counter.read();
    std::cout << "  the writer holds the lock with fence " << lock.fence() << ", reads " << value << ", and is paused" << std::endl;

    ::raise(SIGSTOP);

    std::cout << "  the writer goes on; it " << (lock.isHeld() ? "believes that it holds the lock" : "is told that it lost the lock")
              << ", and writes all the same" << std::endl;
    try
    {
        counter.write(lock.fence(), value + 1);
    }
    catch (const Leasehold::StaleFenceError& error)
    {
        std::cout << "  refused: " << error.what() << std::endl;
        return refused;
    }
    return written;
}

bool show(const std::string& what, const std::string& folder, OpenCounter open)
{
    std::cout << what << ":" << std::endl;
    const pid_t writer = ::fork(); // before this process has a service: services are not for forked children
    if (writer == 0)
    {
        try
        {
            ::_exit(runPausedWriter(folder, open));
        }
        catch (const std::exception& error)
        {
            std::cerr << "  the writer failed: " << error.what() << std::endl;
            ::_exit(1);
        }
    }
    int status = 0;
    ::waitpid(writer, &status, WUNTRACED);
    if (!WIFSTOPPED(status))
        return false;

    auto locks = openLocks(folder);
    const auto counter = open(folder);
    locks.withLock("counter",
                   [&](const Leasehold::Lock& lock)
                   {
                       counter.enter(lock.fence());
                       counter.write(lock.fence(), counter.read() + 100);
                       std::cout << "  its lease ended, so another holds the lock, with the greater fence " << lock.fence()
                                 << ", and adds 100" << std::endl;
                   },
                   {.ttl = 1s, .wait = 10s});

    ::kill(writer, SIGCONT);
    ::waitpid(writer, &status, 0);
    const auto value = counter.read();
    std::cout << "  the value is " << value << (value == 100 ? ": no update was lost" : ": AN UPDATE WAS LOST") << "\n" << std::endl;
    return WIFEXITED(status) && WEXITSTATUS(status) == refused && value == 100;
}

} // namespace

int main()
{
    const auto folder = std::filesystem::temp_directory_path() / ("leasehold-fenced-" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder);
    bool right = false;
    try
    {
        right = show("A file", folder, fileCounter);
        right = show("A SQLite table", folder, tableCounter) && right;
    }
    catch (const std::exception& error)
    {
        std::cerr << error.what() << std::endl;
    }
    std::filesystem::remove_all(folder);
    return right ? 0 : 1;
}
