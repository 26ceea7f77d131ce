#include "RedisServer.h"

#include "Leasehold/RedisLockStore.h"
#include "Leasehold/StorageCapabilities.h"
#include "Leasehold/StoreHarness.h"
#include "Leasehold/TestRunner.h"
#include "Leasehold/registerConformance.h"

#include <map>
#include <thread>

#include <unistd.h>

namespace Leasehold
{
namespace
{

using namespace std::chrono_literals;

/// A prefix for each test, on a server that all tests of the program share.
template <RedisKind kind>
class RedisHarness : public StoreHarness,
                     public ClockAhead,
                     public StorageRestart,
                     public StorageLoss,
                     public StorageBackup,
                     public NewerSchema,
                     public Outage
{
public:
    ~RedisHarness() override
    {
        server().resume(); // a failed test may have left it stopped
        allowSubscriptions(true);
        emptyStorage();
    }

    std::shared_ptr<LockStore> openStore() override { return std::make_shared<RedisLockStore>(options(server().node(), _prefix)); }
    void advance(Milliseconds span) override { std::this_thread::sleep_for(span); }
    Milliseconds shortTtl() const override { return 1s; }

    bool setFeedDeaf(bool deaf) override
    {
        allowSubscriptions(!deaf);
        if (deaf)
            server().operate({"CLIENT", "KILL", "TYPE", "pubsub"});
        return true;
    }

    void pretendClockWasAhead(const std::string& name, Milliseconds by) override
    {
        server().operate({"HINCRBY", "{" + _prefix + "}:l:" + name, "e", std::to_string(by.count())});
    }
    void restartStorage() override { server().restart(); }
    void emptyStorage() override
    {
        for (const auto& key : keys())
            server().operate({"DEL", key});
    }
    void backUp() override
    {
        for (const auto& key : keys())
            _backup[key] = server().operate({"DUMP", key}).text;
    }
    void restoreBackup() override
    {
        emptyStorage();
        for (const auto& [key, content] : _backup)
            server().operate({"RESTORE", key, "0", content});
    }
    void writeNewerSchema() override { server().operate({"HSET", "{" + _prefix + "}:era", "schema", "1000"}); }
    void cutOff() override { server().pause(); }
    void reconnect() override { server().resume(); }

protected:
    static RedisServer& server() { return sharedRedis(kind); }
    const std::string& prefix() const { return _prefix; }
    static RedisOptions options(const std::string& node, const std::string& prefix)
    {
        return {.nodes = {node}, .prefix = prefix, .durable = true};
    }

private:
    static void allowSubscriptions(bool allowed) { server().operate({"ACL", "SETUSER", "default", allowed ? "+subscribe" : "-subscribe"}); }

    std::vector<std::string> keys() const
    {
        std::vector<std::string> found;
        for (const auto& key : server().operate({"KEYS", "{" + _prefix + "}:*"}).items)
            found.push_back(key.text);
        return found;
    }

    static std::string nextPrefix()
    {
        static int harnesses = 0;
        return "kit-" + std::to_string(::getpid()) + "-" + std::to_string(++harnesses);
    }

    const std::string _prefix = nextPrefix();
    std::map<std::string, std::string> _backup;
};

/// In real time, with real processes.
class Redis7Harness : public RedisHarness<RedisKind::redis7>, public Processes
{
public:
    std::string location() const override { return server().node() + " " + prefix(); }
    Milliseconds realTtl() const override { return 1s; }
    static std::shared_ptr<LockStore> openElsewhere(const std::string& location)
    {
        const auto space = location.find(' ');
        return std::make_shared<RedisLockStore>(options(location.substr(0, space), location.substr(space + 1)));
    }
};

/// The server's clock stands still until the test moves it.
class Valkey8Harness : public RedisHarness<RedisKind::valkey8>, public VirtualTime
{
public:
    void advance(Milliseconds span) override { server().advanceClock(span); }
    Milliseconds shortTtl() const override { return 30s; }
};

} // namespace
} // namespace Leasehold

int main(int argc, char** argv)
{
    using namespace Leasehold;
    registerConformance<Redis7Harness>("redis7");
    registerConformance<Valkey8Harness>("valkey8");
    return runTests(argc, argv);
}
