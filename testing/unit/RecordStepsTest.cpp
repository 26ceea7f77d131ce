#include "Leasehold/Store/RecordSteps.h"
#include "Leasehold/Exceptions.h"
#include "thrown.h"

#include <cppunit/extensions/HelperMacros.h>

#include <map>

using namespace Leasehold;
using namespace std::chrono_literals;
using LeaseRules::Record;
using LeaseRules::StorageNow;

namespace
{

/// Copies records, like a storage outside the process.
struct CopiedRecords
{
    std::optional<Record> load(const std::string& name) const
    {
        const auto at = records.find(name);
        return at == records.end() ? std::nullopt : std::optional(at->second);
    }
    void save(const std::string& name, const Record& record)
    {
        if (isFull)
            throw LockStoreUnavailable("the storage is full");
        records[name] = record;
        ++saves;
    }

    std::map<std::string, Record> records{};
    int saves = 0;
    bool isFull = false;
};

/// Returns the record in the storage itself, and takes a new one by move.
struct RecordInPlace
{
    std::optional<Record>& load(const std::string&) { return *record ? *record : absent; }
    void save(const std::string&, Record& changed)
    {
        if (!*record)
            *record = std::move(changed);
    }

    std::optional<Record>* record;
    std::optional<Record> absent{};
};

} // namespace

class RecordStepsTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(RecordStepsTest);
    CPPUNIT_TEST(testGrantIsSavedAndShown);
    CPPUNIT_TEST(testHeldAnswersTheHolderAndSavesNothing);
    CPPUNIT_TEST(testWaiterIsSavedOnceAndToldByTheRelease);
    CPPUNIT_TEST(testSpentAnswersTheNameOnlyAndSavesNothing);
    CPPUNIT_TEST(testRenewedLeaseIsSavedWithItsTtlRemaining);
    CPPUNIT_TEST(testRefusedStepsSaveNothing);
    CPPUNIT_TEST(testBrokenLeaseIsToldToItsHolder);
    CPPUNIT_TEST(testFindShowsLiveLocksOnly);
    CPPUNIT_TEST(testTimesAreShownByTheWallClock);
    CPPUNIT_TEST(testFailedSaveChangesNothing);
    CPPUNIT_TEST(testRecordsMayBeChangedInPlace);
    CPPUNIT_TEST_SUITE_END();

    static StorageNow at(std::int64_t ms) { return {ms, 1'700'000'000'000'000 + ms * 1000}; }
    static AcquireRequest wish(const std::string& token) { return {.name = "a", .token = token, .ttl = 30s, .metadata = R"({"n":1})"}; }

    LeaseRef take() { return {"a", "ours", RecordSteps::acquire(_storage, wish("ours"), at(0)).record.fence}; }

    CopiedRecords _storage;

public:
    void testGrantIsSavedAndShown()
    {
        const auto reply = RecordSteps::acquire(_storage, wish("ours"), at(5));
        CPPUNIT_ASSERT(reply.status == AcquireStatus::granted);
        CPPUNIT_ASSERT_EQUAL(std::string("a"), reply.record.name);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"n":1})"), reply.record.metadata);
        CPPUNIT_ASSERT(reply.record.ttl == 30s && reply.record.remaining == 30s && !reply.record.broken);
        CPPUNIT_ASSERT_EQUAL(1, _storage.saves);
        CPPUNIT_ASSERT_EQUAL(reply.record.fence, _storage.records.at("a").fence);
    }

    void testHeldAnswersTheHolderAndSavesNothing()
    {
        const auto lease = take();
        const auto reply = RecordSteps::acquire(_storage, wish("theirs"), at(10'000));
        CPPUNIT_ASSERT(reply.status == AcquireStatus::held);
        CPPUNIT_ASSERT_EQUAL(lease.fence, reply.record.fence);
        CPPUNIT_ASSERT(reply.record.remaining == 20s);
        CPPUNIT_ASSERT_EQUAL(1, _storage.saves);
    }

    void testWaiterIsSavedOnceAndToldByTheRelease()
    {
        const auto lease = take();
        auto waiting = wish("theirs");
        waiting.wantedFor = 1s;
        RecordSteps::acquire(_storage, waiting, at(0));
        RecordSteps::acquire(_storage, waiting, at(1000));
        CPPUNIT_ASSERT_EQUAL(2, _storage.saves);
        CPPUNIT_ASSERT(RecordSteps::release(_storage, lease, at(1500)).wanted);
        CPPUNIT_ASSERT_EQUAL(3, _storage.saves);
    }

    void testSpentAnswersTheNameOnlyAndSavesNothing()
    {
        const auto lease = take();
        RecordSteps::release(_storage, lease, at(1));
        const auto reply = RecordSteps::acquire(_storage, wish("ours"), at(2));
        CPPUNIT_ASSERT(reply.status == AcquireStatus::spent);
        CPPUNIT_ASSERT_EQUAL(std::string("a"), reply.record.name);
        CPPUNIT_ASSERT_EQUAL(Fence{0}, reply.record.fence);
        CPPUNIT_ASSERT_EQUAL(2, _storage.saves);
    }

    void testRenewedLeaseIsSavedWithItsTtlRemaining()
    {
        const auto lease = take();
        const auto reply = RecordSteps::renew(_storage, {lease, 10s}, at(1000));
        CPPUNIT_ASSERT(reply.status == RenewStatus::renewed);
        CPPUNIT_ASSERT(reply.remaining == 10s);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{11'000}, _storage.records.at("a").expiresAt);
    }

    void testRefusedStepsSaveNothing()
    {
        const LeaseRef stranger{"a", "theirs", take().fence};
        CPPUNIT_ASSERT(RecordSteps::renew(_storage, {stranger, 10s}, at(1)).status == RenewStatus::lost);
        CPPUNIT_ASSERT(RecordSteps::release(_storage, stranger, at(1)).status == ReleaseStatus::notHeld);
        CPPUNIT_ASSERT(!RecordSteps::breakLock(_storage, "a", stranger.fence + 1, BreakMode::now, at(1)));
        CPPUNIT_ASSERT(RecordSteps::renew(_storage, {{"none", "ours", 1}, 10s}, at(1)).status == RenewStatus::lost);
        CPPUNIT_ASSERT_EQUAL(1, _storage.saves);
        CPPUNIT_ASSERT_EQUAL(std::size_t{1}, _storage.records.size());
    }

    void testBrokenLeaseIsToldToItsHolder()
    {
        const auto lease = take();
        CPPUNIT_ASSERT(RecordSteps::breakLock(_storage, "a", lease.fence, BreakMode::whenItEnds, at(1)));
        CPPUNIT_ASSERT(RecordSteps::find(_storage, "a", at(2)).value().broken);
        CPPUNIT_ASSERT(RecordSteps::renew(_storage, {lease, 10s}, at(2)).broken);
        CPPUNIT_ASSERT(RecordSteps::release(_storage, lease, at(2)).broken);
    }

    void testFindShowsLiveLocksOnly()
    {
        take();
        CPPUNIT_ASSERT(!RecordSteps::find(_storage, "none", at(0)));
        CPPUNIT_ASSERT(RecordSteps::find(_storage, "a", at(29'999)).value().remaining == 1ms);
        CPPUNIT_ASSERT(!RecordSteps::find(_storage, "a", at(30'000)));
    }

    void testTimesAreShownByTheWallClock()
    {
        const auto shown = RecordSteps::acquire(_storage, wish("ours"), at(5)).record;
        CPPUNIT_ASSERT(shown.acquiredAt == StorageTime{1'700'000'000'005ms});
        CPPUNIT_ASSERT(shown.expiresAt == StorageTime{1'700'000'030'005ms});
    }

    void testFailedSaveChangesNothing()
    {
        _storage.isFull = true;
        messageOf<LockStoreUnavailable>([&] { RecordSteps::acquire(_storage, wish("ours"), at(0)); });
        CPPUNIT_ASSERT(_storage.records.empty());
    }

    void testRecordsMayBeChangedInPlace()
    {
        std::optional<Record> record;
        const auto granted = RecordSteps::acquire(RecordInPlace{&record}, wish("ours"), at(0)).record;
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"n":1})"), granted.metadata); // also after save moved the record
        CPPUNIT_ASSERT_EQUAL(granted.fence, record.value().fence);
        const LeaseRef lease{"a", "ours", granted.fence};
        CPPUNIT_ASSERT(RecordSteps::renew(RecordInPlace{&record}, {lease, 10s}, at(1)).status == RenewStatus::renewed);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{10'001}, record->expiresAt);
        CPPUNIT_ASSERT(RecordSteps::release(RecordInPlace{&record}, lease, at(2)).status == ReleaseStatus::released);
        CPPUNIT_ASSERT(record->standing == LeaseRules::Standing::released);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RecordStepsTest);
