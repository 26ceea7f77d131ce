#include "PostgreSQLFixture.h"

#include "LockCalls.h"
#include "LockSchema.h"
#include "SessionPool.h"

#include "Leasehold/FaultSchedule.h"
#include "Leasehold/Store/LeaseRules.h"

#include <cppunit/extensions/HelperMacros.h>

#include <map>
#include <random>

namespace Leasehold
{

using namespace std::chrono_literals;

/// The functions in SQL against the rules in C++, by random steps on a clock that the test sets.
class PostgreSQLRulesTest : public PostgreSQLFixture
{
    CPPUNIT_TEST_SUITE(PostgreSQLRulesTest);
    CPPUNIT_TEST(testRandomStepsOnTheOldestVersionAgreeWithTheRules);
    CPPUNIT_TEST(testRandomStepsAgreeWithTheRules);
    CPPUNIT_TEST(testRandomStepsOnTheNewestVersionAgreeWithTheRules);
    CPPUNIT_TEST_SUITE_END();

    /// The set-up, with a clock that is a setting of the session.
    std::string textWithClock() const
    {
        auto text = PostgreSQL::LockSchema::text(schema());
        const std::string clock = "(date_part('epoch', clock_timestamp()) * 1000000)::bigint";
        for (auto at = text.find(clock); at != std::string::npos; at = text.find(clock))
            text.replace(at, clock.size(), "current_setting('leasehold.now')::bigint");
        return text;
    }

    int random(int limit) { return static_cast<int>(_random() % static_cast<unsigned>(limit)); }

    std::mt19937_64 _random{20261129};

public:
    void testRandomStepsOnTheOldestVersionAgreeWithTheRules()
    {
        requireAgreement(PostgresServer("postgresql12"), isLongTest() ? 20'000 : 5'000);
    }
    void testRandomStepsAgreeWithTheRules() { requireAgreement(server(), 20'000); }
    void testRandomStepsOnTheNewestVersionAgreeWithTheRules()
    {
        requireAgreement(PostgresServer("postgresql18"), isLongTest() ? 20'000 : 5'000);
    }

private:
    void requireAgreement(const PostgresServer& tested, int count)
    {
        tested.query("SET leasehold.now = '1700000000000000'; BEGIN; " + textWithClock() + "; COMMIT");
        tested.query("ALTER DATABASE leasehold SET synchronous_commit = off");
        const PostgreSQL::LockCalls calls(schema());
        PostgreSQL::SessionPool pool(tested.storeOptions(schema()), calls);
        auto session = pool.connect(context());
        const PostgreSQL::Statement setClock{"clock", "SELECT set_config('leasehold.now', $1, false)", {PostgreSQL::TypeNumber::text}};
        const auto run = [&](PostgreSQL::Call call, std::int64_t now)
        {
            std::vector<PostgreSQL::Call> both{{&setClock, PostgreSQL::Parameters().bytes(std::to_string(now * 1000))}, std::move(call)};
            return session.run(std::move(both), CallContext::within(20s)).at(1);
        };
        std::int64_t now = 1'700'000'000'000;
        const auto era = PostgreSQL::LockCalls::readTableContent(run(calls.tableContent(), now).row(0)).value().era;
        const std::vector<std::string> names{"a", "b/%'\"", "\xc3\xa9", "zz", "\x7f"}, tokens{"t1", "t2", "t3"};
        std::map<std::string, std::optional<LeaseRules::Record>> records;
        std::map<std::string, int> counts;

        for (int step = 0; step < count; ++step)
        {
            const int jump = random(20);
            now += jump < 10 ? random(300) : jump == 19 ? -random(4000) : jump == 18 ? random(5000) : 0;
            const LeaseRules::StorageNow clock{now, now * 1000};
            const auto& name = names[static_cast<std::size_t>(random(5))];
            auto& record = records[name];
            std::string token = random(3) != 0 && record ? record->token : tokens[static_cast<std::size_t>(random(3))];
            if (record && random(4) == 0)
                token = "n" + std::to_string(step);
            const Fence fence = record ? (random(5) != 0 ? record->fence : record->fence + static_cast<Fence>(random(3)) - 1) : 1;
            const Milliseconds ttl{1 + random(2000)};
            const std::string where = "step " + std::to_string(step);
            const int verb = random(12);
            if (verb < 4)
            {
                AcquireRequest request{.name = name, .token = token, .ttl = ttl, .metadata = "{\"i\":" + std::to_string(step) + "}"};
                request.fenceFloor = random(6) != 0    ? 0
                                     : random(30) != 0 ? static_cast<Fence>(now * 1000 + random(1000000))
                                                       : maxFence - static_cast<Fence>(random(3));
                request.reservedFences = random(3) != 0 ? 0 : static_cast<Fence>(random(100));
                request.wantedFor = Milliseconds{random(3) == 0 ? 1 + random(500) : 0};
                std::string expected;
                try
                {
                    expected = toString(LeaseRules::acquire(record, request, clock).status);
                }
                catch (const LockStoreError&)
                {
                    expected = "no fence";
                }
                const auto verdict = PostgreSQL::LockCalls::readAcquire(request, run(calls.acquire(request, era), now).row(0));
                using Status = PostgreSQL::AcquireVerdict::Status;
                const std::map<Status, std::string> words{
                    {Status::granted, "granted"}, {Status::held, "held"}, {Status::spent, "spent"}, {Status::noFenceLeft, "no fence"}};
                CPPUNIT_ASSERT_EQUAL_MESSAGE(where, expected, words.at(verdict.status));
                if (verdict.status == Status::granted || verdict.status == Status::held)
                {
                    CPPUNIT_ASSERT_EQUAL_MESSAGE(where, record->fence, verdict.record.fence);
                    CPPUNIT_ASSERT_EQUAL_MESSAGE(where, record->ttl, static_cast<std::int64_t>(verdict.record.ttl.count()));
                    CPPUNIT_ASSERT_EQUAL_MESSAGE(where, record->expiresAt - now,
                                                 static_cast<std::int64_t>(verdict.record.remaining.count()));
                    CPPUNIT_ASSERT_EQUAL_MESSAGE(where, record->metadata, verdict.record.metadata);
                    CPPUNIT_ASSERT_EQUAL_MESSAGE(where, record->standing == LeaseRules::Standing::broken, verdict.record.broken);
                }
                ++counts[expected];
            }
            else if (verb < 7)
            {
                BatchStep request(RenewRequest{{name, token, fence}, ttl});
                BatchStep* const steps[] = {&request};
                const LeaseRef lease{name, token, fence};
                const bool renewed = LeaseRules::renew(record, lease, ttl, clock);
                const auto reply = PostgreSQL::LockCalls::readRenew(steps, run(calls.renew(steps, random(2) == 0), now).row(0)).at(0);
                CPPUNIT_ASSERT_EQUAL_MESSAGE(where, renewed, reply.status == RenewStatus::renewed);
                if (!renewed)
                    CPPUNIT_ASSERT_EQUAL_MESSAGE(where, LeaseRules::wasBroken(record, lease), reply.broken);
                ++counts[renewed ? "renewed" : "lost"];
            }
            else if (verb < 10)
            {
                bool changed = false;
                const LeaseRef lease{name, token, fence};
                const auto expected = LeaseRules::release(record, lease, clock, changed);
                const auto reply = PostgreSQL::LockCalls::readRelease(run(calls.release(lease), now).row(0));
                CPPUNIT_ASSERT_EQUAL_MESSAGE(where, std::string(toString(expected.status)), std::string(toString(reply.status)));
                CPPUNIT_ASSERT_EQUAL_MESSAGE(where, expected.wanted, reply.wanted);
                CPPUNIT_ASSERT_EQUAL_MESSAGE(where, expected.broken, reply.broken);
                ++counts[toString(expected.status)];
            }
            else if (verb < 11)
            {
                const auto mode = random(2) != 0 ? BreakMode::now : BreakMode::whenItEnds;
                const bool expected = LeaseRules::breakLock(record, fence, mode, clock);
                CPPUNIT_ASSERT_EQUAL_MESSAGE(where, expected, run(calls.breakLock(name, fence, mode), now).row(0).flag(0));
                ++counts[expected ? "broken" : "not broken"];
            }
            else
            {
                const Milliseconds retention{random(3) != 0 ? random(3000) : 100'000};
                std::int64_t forgotten = 0;
                for (auto& [other, kept] : records)
                {
                    if (kept && LeaseRules::isForgettable(*kept, retention, clock))
                    {
                        kept.reset();
                        ++forgotten;
                    }
                }
                CPPUNIT_ASSERT_EQUAL_MESSAGE(where, forgotten, run(calls.prune(retention), now).row(0).integer(0));
                ++counts[forgotten != 0 ? "pruned" : "not pruned"];
            }
            const auto& kept = records[name];
            const auto answer = run(calls.find(name), now);
            const bool live = kept && LeaseRules::isLive(*kept, clock);
            CPPUNIT_ASSERT_EQUAL_MESSAGE(where, live ? std::size_t{1} : std::size_t{0}, answer.rows());
        }
        tested.query("ALTER DATABASE leasehold RESET synchronous_commit");
        for (const char* const each :
             {"granted", "held", "spent", "no fence", "renewed", "lost", "released", "notHeld", "broken", "pruned"})
            CPPUNIT_ASSERT_MESSAGE(each, counts[each] > 5);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PostgreSQLRulesTest);

} // namespace Leasehold
