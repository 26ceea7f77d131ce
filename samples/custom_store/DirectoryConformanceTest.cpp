// Runs the conformance kit on the store.

#include "DirectoryLockStore.h"

#include <Leasehold/LockPolicy.h>
#include <Leasehold/TestRunner.h>
#include <Leasehold/registerConformance.h>

#include <atomic>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

using namespace Leasehold;
namespace fs = std::filesystem;

class DirectoryHarness : public StoreHarness, public VirtualTime, public StorageLoss, public Outage, public Processes
{
public:
    ~DirectoryHarness() override
    {
        reconnect();
        fs::remove_all(_directory);
    }

    std::shared_ptr<LockStore> openStore() override
    {
        return std::make_shared<DirectoryLockStore>(_directory, [this] { return LeaseRules::StorageNow{_ms, _ms * 1000}; });
    }
    void advance(Milliseconds span) override { _ms += span.count(); }
    Milliseconds shortTtl() const override { return std::chrono::seconds{30}; }

    void emptyStorage() override
    {
        for (const auto& entry : fs::directory_iterator(_directory))
            if (entry.path().filename() != "guard")
                fs::remove_all(entry.path());
    }

    /// Another process holds the directory locked.
    void cutOff() override
    {
        _intruder = ::open((_directory / "guard").c_str(), O_RDWR | O_CLOEXEC);
        ::flock(_intruder, LOCK_EX);
    }
    void reconnect() override
    {
        if (_intruder >= 0)
            ::close(_intruder);
        _intruder = -1;
    }

    std::string location() const override { return _directory; }
    Milliseconds realTtl() const override { return Milliseconds{500}; }
    static std::shared_ptr<LockStore> openElsewhere(const std::string& location) { return std::make_shared<DirectoryLockStore>(location); }

private:
    const fs::path _directory = fs::temp_directory_path() / ("leasehold-directory-" + drawToken().substr(0, 16));
    std::atomic<std::int64_t> _ms{1'800'000'000'000};
    int _intruder = -1;
};

int main(int argc, char** argv)
{
    registerConformance<DirectoryHarness>("directory");
    return runTests(argc, argv);
}
