#include "KitOnBrokenStore.h"
#include "Leasehold/Exceptions.h"
#include "Leasehold/LockPolicy.h"
#include "Leasehold/Store/RecordSteps.h"
#include "Leasehold/registerConformance.h"

#include <cppunit/TestCase.h>
#include <cppunit/TestFixture.h>
#include <cppunit/TestSuite.h>
#include <cppunit/extensions/HelperMacros.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <map>
#include <memory>
#include <sstream>
#include <thread>
#include <type_traits>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace Leasehold
{
namespace
{

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class Folder
{
public:
    Folder() { fs::create_directories(_path); }
    ~Folder() { fs::remove_all(_path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    const fs::path& path() const { return _path; }

private:
    const fs::path _path = fs::temp_directory_path() / ("leasehold-broken-" + drawToken().substr(0, 16));
};

/// The records of all locks, each as one line of text. RecordSteps loads and saves them here.
class TextRecords
{
public:
    std::optional<LeaseRules::Record> load(const std::string& name) const
    {
        const auto line = lines.find(name);
        if (line == lines.end())
            return std::nullopt;
        std::istringstream in(line->second);
        LeaseRules::Record record;
        int standing = 0;
        in >> std::quoted(record.token) >> record.fence >> standing >> record.acquiredAt >> record.expiresAt >> record.ttl >>
            std::quoted(record.metadata) >> record.wantedUntil;
        record.standing = static_cast<LeaseRules::Standing>(standing);
        return record;
    }
    void save(const std::string& name, const LeaseRules::Record& record)
    {
        std::ostringstream out;
        out << std::quoted(record.token) << ' ' << record.fence << ' ' << static_cast<int>(record.standing) << ' ' << record.acquiredAt
            << ' ' << record.expiresAt << ' ' << record.ttl << ' ' << std::quoted(record.metadata) << ' ' << record.wantedUntil;
        lines[name] = out.str();
    }

    std::map<std::string, std::string> lines{}; // by name
};

/// A file that one thread of one process uses at a time, until the object ends.
class LockedFile
{
public:
    explicit LockedFile(const fs::path& path) :
        _path(path), _guard(::open((path.string() + ".guard").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600))
    {
        if (_guard < 0 || !waitForLock())
            throw LockStoreError("the file " + path.string() + " cannot be locked: " + std::strerror(errno));
    }
    ~LockedFile() { ::close(_guard); }
    LockedFile(const LockedFile&) = delete;
    LockedFile& operator=(const LockedFile&) = delete;

    TextRecords read() const
    {
        TextRecords records;
        std::ifstream in(_path);
        for (std::string name, line; in >> std::quoted(name) >> std::ws && std::getline(in, line);)
            records.lines[name] = line;
        return records;
    }
    /// Renames a complete file into place: a process may be killed at any moment.
    void write(const TextRecords& records) const
    {
        const auto draft = _path.string() + ".draft";
        std::ofstream out(draft);
        for (const auto& [name, line] : records.lines)
            out << std::quoted(name) << ' ' << line << '\n';
        out.close();
        fs::rename(draft, _path);
    }

private:
    /// False: the file cannot be locked. Signals do not end the wait: the kit ends its workers by one.
    bool waitForLock() const
    {
        int result = 0;
        while ((result = ::flock(_guard, LOCK_EX)) != 0 && errno == EINTR)
            continue;
        return result == 0;
    }

    const fs::path _path;
    const int _guard;
};

/// Locks in one file for several processes. The verb `twoSteps` reads the file, works on what it read, and writes back what it changed: two
/// steps, between which other processes come. The process `hurried` leaves no time between them, so that it comes between the steps
/// of others.
class TwoStepFileStore : public LockStore
{
public:
    TwoStepFileStore(const fs::path& folder, std::string twoSteps, pid_t hurried) :
        _path(folder / "locks"), _twoSteps(std::move(twoSteps)), _isHurried(::getpid() == hurried)
    {
    }

    StoreInfo info() const override
    {
        return {.type = "two_steps", .location = _path, .clockUncertainty = 1ms, .reservesFences = true, .tellsWanted = true};
    }
    void prepare(const CallContext&) override {}
    AcquireReply acquire(const AcquireRequest& request, const CallContext&) override
    {
        return call("acquire", [&](TextRecords& records) { return RecordSteps::acquire(records, request, now()); });
    }
    std::vector<RenewReply> renew(std::span<const RenewRequest> requests, const CallContext&) override
    {
        return call("renew",
                    [&](TextRecords& records)
                    {
                        std::vector<RenewReply> replies;
                        for (const auto& request : requests)
                            replies.push_back(RecordSteps::renew(records, request, now()));
                        return replies;
                    });
    }
    ReleaseReply release(const LeaseRef& lease, const CallContext&) override
    {
        return call("release", [&](TextRecords& records) { return RecordSteps::release(records, lease, now()); });
    }
    std::optional<LockRecord> find(const std::string& name, const CallContext&) override
    {
        return call("find", [&](TextRecords& records) { return RecordSteps::find(records, name, now()); });
    }
    std::vector<LockRecord> list(const ListQuery&, const CallContext&) override
    {
        throw LockStoreError("the tests between processes do not list locks");
    }
    bool breakLock(const std::string& name, Fence expected, BreakMode mode, const CallContext&) override
    {
        return call(mode == BreakMode::now ? "break" : "breakForItsEnd",
                    [&](TextRecords& records) { return RecordSteps::breakLock(records, name, expected, mode, now()); });
    }
    std::size_t prune(Milliseconds retention, const CallContext&) override
    {
        return call("prune",
                    [&](TextRecords& records)
                    {
                        return std::erase_if(records.lines, [&](const auto& line)
                                             { return LeaseRules::isForgettable(*records.load(line.first), retention, now()); });
                    });
    }

private:
    static LeaseRules::StorageNow now()
    {
        const auto wall =
            std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
        return {wall / 1000, wall};
    }

    template <typename Step>
    std::invoke_result_t<Step, TextRecords&> call(const std::string& verb, Step step)
    {
        auto file = std::make_unique<LockedFile>(_path);
        const auto before = file->read();
        auto after = before;
        auto reply = step(after);
        if (after.lines == before.lines)
            return reply;
        if (verb == _twoSteps)
        {
            file.reset();
            if (!_isHurried)
                std::this_thread::sleep_for(20ms); // time for the other processes
            file = std::make_unique<LockedFile>(_path);
        }
        auto written = file->read();
        for (const auto& [name, line] : before.lines)
            if (!after.lines.contains(name))
                written.lines.erase(name);
        for (const auto& [name, line] : after.lines)
            if (const auto old = before.lines.find(name); old == before.lines.end() || old->second != line)
                written.lines[name] = line;
        file->write(written);
        return reply;
    }

    const fs::path _path;
    const std::string _twoSteps;
    const bool _isHurried;
};

class TwoStepHarness : public StoreHarness, public Processes
{
public:
    explicit TwoStepHarness(std::string verb) : _verb(std::move(verb)) {}

    std::shared_ptr<LockStore> openStore() override { return openElsewhere(location()); }
    void advance(Milliseconds span) override { std::this_thread::sleep_for(span); }
    Milliseconds shortTtl() const override { return 1s; }
    std::string location() const override { return _verb + ' ' + std::to_string(::getpid()) + ' ' + _folder.path().string(); }
    Milliseconds realTtl() const override { return 1s; }
    static std::shared_ptr<LockStore> openElsewhere(const std::string& location)
    {
        std::istringstream words(location);
        std::string verb, folder;
        pid_t kit = 0;
        words >> verb >> kit >> folder;
        return std::make_shared<TwoStepFileStore>(folder, verb, kit);
    }

private:
    const Folder _folder;
    const std::string _verb;
};

HarnessKind kindOf(const std::string& verb)
{
    return harnessKind<TwoStepHarness>(verb + "_is_two_steps", [verb] { return std::make_unique<TwoStepHarness>(verb); });
}

/// A verb in two steps, and the test of the kit that must catch it. With "none" all tests pass.
const std::map<std::string, std::string> catchers{
    {"none", ""},
    {"renew", "atomicity::testLateRenewalInAnotherProcessHarmsNoGrant"},
    {"release", "atomicity::testLateReleaseInAnotherProcessHarmsNoGrant"},
    {"break", "atomicity::testLateBreakInAnotherProcessHarmsNoGrant"},
    {"breakForItsEnd", "atomicity::testLateBreakForItsEndInAnotherProcessHarmsNoGrant"},
    {"prune", "atomicity::testPruneInAnotherProcessHarmsNoGrant"},
};

class BrokenProcessesTest : public CppUnit::TestCase
{
public:
    explicit BrokenProcessesTest(const std::string& verb) : CppUnit::TestCase("broken_in_processes::" + verb), _verb(verb) {}

protected:
    void runTest() override
    {
        const auto& catcher = catchers.at(_verb);
        // The catcher is a race between processes: on a machine under load one run of it can miss the fault.
        const int runs = catcher.empty() ? 1 : 5;
        bool fails = false;
        for (int run = 0; run < runs && !fails; ++run)
            fails = !testsThatFail(kindOf(_verb), catcher.empty() ? "InAnotherProcess" : catcher).empty();
        CPPUNIT_ASSERT_MESSAGE(_verb + (catcher.empty() ? ": a correct store fails" : ": the kit passes it"), fails != catcher.empty());
    }

private:
    const std::string _verb;
};

/// Faults that show only between processes: the file lock is held for each half of a verb, but not for the whole.
class BrokenProcessesTests : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(BrokenProcessesTests);
    for (const auto& [verb, catcher] : catchers)
        context.addTest(new BrokenProcessesTest(verb)); // the suite owns it
    CPPUNIT_TEST_SUITE_END();
};

CPPUNIT_TEST_SUITE_REGISTRATION(BrokenProcessesTests);

// The kit's processes are this program again.
const bool known = []
{
    for (const auto& [verb, catcher] : catchers)
        registerForProcesses(kindOf(verb));
    return true;
}();

} // namespace
} // namespace Leasehold
