#include "EtcdServer.h"

#include "EtcdAnswer.h"
#include "base64.h"
#include "txnText.h"

#include "Leasehold/EtcdLockStore.h"
#include "Leasehold/TestRunner.h"
#include "Leasehold/registerConformance.h"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include <unistd.h>

namespace Leasehold
{
namespace
{

using namespace std::chrono_literals;

/// A prefix for each test, on a real server that all tests of the program share.
template <EtcdKind kind>
class EtcdHarness : public StoreHarness,
                    public WallClockSteps,
                    public StorageRestart,
                    public StorageLoss,
                    public StorageBackup,
                    public NewerSchema,
                    public Outage,
                    public Processes
{
public:
    ~EtcdHarness() override
    {
        try
        {
            server().resume(); // a failed test may have left it hanging
            emptyStorage();
        }
        catch (const std::exception&)
        {
            // The server ends with the program, and its keys with it.
        }
    }

    std::shared_ptr<LockStore> openStore() override
    {
        return std::make_shared<EtcdLockStore>(options(location()), [steps = _wallSteps] { return wallNow() + steps->load() * 1000; });
    }
    void advance(Milliseconds span) override { std::this_thread::sleep_for(span); }
    Milliseconds shortTtl() const override { return 2s; }
    Milliseconds restartProlongs() const override { return 5min; }
    bool prunesInTwoSteps() const override { return true; }

    bool setFeedDeaf(bool deaf) override
    {
        deaf ? server().kill() : server().restart();
        return true;
    }

    void stepWallClock(Milliseconds by) override { *_wallSteps += by.count(); }
    void restartStorage() override { server().restart(); }
    void emptyStorage() override { server().deletePrefix(_prefix + "/"); }
    void backUp() override { _backup = readAll(); }
    void restoreBackup() override
    {
        emptyStorage();
        for (const auto& [key, value, lease, revision] : _backup)
            server().post("/v3/kv/txn", Etcd::txnText({}, Etcd::putValue(key, value), {}));
    }
    void writeNewerSchema() override
    {
        server().post("/v3/kv/txn", Etcd::txnText({}, Etcd::putValue(_prefix + "/v", "1000 of the future"), {}));
    }
    void cutOff() override { server().pause(); }
    void reconnect() override { server().resume(); }

    std::string location() const override { return server().url() + " " + _prefix; }
    Milliseconds realTtl() const override { return 2s; }
    static std::shared_ptr<LockStore> openElsewhere(const std::string& location)
    {
        return std::make_shared<EtcdLockStore>(options(location));
    }

private:
    static EtcdServer& server() { return sharedEtcd(kind); }

    static EtcdOptions options(const std::string& location)
    {
        const auto space = location.find(' ');
        EtcdOptions options;
        options.nodes = {location.substr(0, space)};
        options.prefix = location.substr(space + 1);
        return options;
    }

    static std::int64_t wallNow()
    {
        using namespace std::chrono;
        return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
    }

    /// All keys but those of live locks, whose leases no backup would keep.
    std::vector<Etcd::KeyValue> readAll() const
    {
        std::vector<Etcd::KeyValue> found;
        const auto read = Etcd::readInterval({.begin = _prefix + "/", .end = Etcd::endOfPrefix(_prefix + "/")});
        const auto answer = Etcd::readTxn(server().post("/v3/kv/txn", Etcd::txnText({}, read, {})));
        for (const auto& one : answer.value().txn.responses.at(0).found)
        {
            if (one.lease == 0)
                found.push_back(one);
        }
        return found;
    }

    static std::string nextPrefix()
    {
        static int harnesses = 0;
        return "kit-" + std::to_string(::getpid()) + "-" + std::to_string(++harnesses);
    }

    const std::string _prefix = nextPrefix();
    const std::shared_ptr<std::atomic<std::int64_t>> _wallSteps = std::make_shared<std::atomic<std::int64_t>>(0);
    std::vector<Etcd::KeyValue> _backup{};
};

} // namespace
} // namespace Leasehold

int main(int argc, char** argv)
{
    using namespace Leasehold;
    registerConformance<EtcdHarness<EtcdKind::etcd34>>("etcd34");
    registerConformance<EtcdHarness<EtcdKind::etcd35>>("etcd35");
    return runTests(argc, argv);
}
