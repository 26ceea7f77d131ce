// One worker of the tour: takes the lock "report", works for a while, and writes a line into a file that checks fences.
//
//     leasehold-tour-worker STORE NAME WORK WAIT FILE      leasehold-tour-worker sqlite:///tmp/locks.db alice 5s 0 /tmp/report

#include "FencedFile.h"

#include <Leasehold/Exceptions.h>
#include <Leasehold/LockManagerService.h>
#include <Leasehold/LoggerObserver.h>
#include <Leasehold/Store/StoreRegistry.h>
#include <Leasehold/registerBuiltinStores.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>

using namespace std::chrono_literals;

namespace
{

constexpr Leasehold::Milliseconds ttl = 2s;

enum Outcome : int
{
    done = 0,
    refusedLate = 10,
    heldByAnother = 75
};

class Worker
{
public:
    explicit Worker(std::string name) : _name(std::move(name)) {}

    void say(const std::string& text) const
    {
        const auto now = std::chrono::system_clock::now();
        const auto seconds = std::chrono::system_clock::to_time_t(now);
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
        std::tm local{};
        ::localtime_r(&seconds, &local);
        std::ostringstream line; // written at once, so that the lines of two processes do not mix
        line << "   " << std::put_time(&local, "%H:%M:%S") << '.' << std::setw(3) << std::setfill('0') << ms << "  " << std::left
             << std::setw(6) << std::setfill(' ') << _name << " " << text << '\n';
        std::cout << line.str() << std::flush;
    }

    void work(const Leasehold::Lock& lock, FencedFile& file, Leasehold::Milliseconds howLong) const
    {
        say("has the lock, with fence " + std::to_string(lock.fence()) + "; a lease lasts " + Leasehold::formatDuration(ttl) +
            ", the work takes " + Leasehold::formatDuration(howLong));
        const std::stop_callback onLoss(lock.lossToken(), [this] { say("is told by its loss token: the lock is lost"); });
        file.enter(lock.fence()); // before the first read, so that no older holder can write any more
        const auto before = file.read();

        const auto started = std::chrono::steady_clock::now();
        for (auto nextWord = started + ttl; std::chrono::steady_clock::now() < started + howLong;)
        {
            std::this_thread::sleep_for(20ms); // the work
            if (std::chrono::steady_clock::now() < nextWord)
                continue;
            nextWord += ttl;
            if (lock.isHeld())
                say("is still at work, longer than one lease; the renewed lease lasts " + Leasehold::formatDuration(lock.remaining()) +
                    " more");
        }
        if (!lock.isHeld())
            say("asks, and is told that it no longer holds the lock; it writes all the same");
        file.replace(lock.fence(), before + _name + " wrote this with fence " + std::to_string(lock.fence()) + "\n");
        say("has written its line, and gives the lock back");
    }

private:
    const std::string _name;
};

int run(const std::string& store, const Worker& worker, const std::string& name, const std::string& workFor, const std::string& waitFor,
        const std::string& path)
{
    Leasehold::StoreRegistry registry;
    Leasehold::registerBuiltinStores(registry);
    Leasehold::LockPolicy policy;
    policy.lease.ttl = ttl;
    // Silent but for the worker's own words. A program of yours would keep the default, which writes to its log.
    Leasehold::LockManagerService locks(registry.open(store), policy, {.observers = {std::make_shared<Leasehold::LockObserver>()}});

    const auto howLong = Leasehold::parseDuration(workFor).value();
    const auto wait = Leasehold::parseDuration(waitFor).value();
    FencedFile file(path);
    worker.say(wait > 0ms ? "asks for the lock, and is ready to wait" : "asks for the lock");
    try
    {
        locks.withLock("report", [&](const Leasehold::Lock& lock) { worker.work(lock, file, howLong); },
                       {.metadata = {{"host", name}, {"pid", ::getpid()}}, .wait = wait});
        return done;
    }
    catch (const Leasehold::LockAcquisitionError& error)
    {
        worker.say(std::string("is refused: ") + error.what());
        return heldByAnother;
    }
    catch (const Leasehold::StaleFenceError& error)
    {
        worker.say(std::string("has its late write REFUSED: ") + error.what());
        return refusedLate;
    }
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 6)
    {
        std::cerr << "usage: " << argv[0] << " STORE NAME WORK WAIT FILE\n";
        return 64;
    }
    try
    {
        return run(argv[1], Worker(argv[2]), argv[2], argv[3], argv[4], argv[5]);
    }
    catch (const std::exception& error)
    {
        std::cerr << argv[2] << ": " << error.what() << '\n';
        return 1;
    }
}
