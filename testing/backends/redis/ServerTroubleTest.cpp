#include "ServerTrouble.h"

#include <cppunit/extensions/HelperMacros.h>

namespace Leasehold::Redis
{

/// The texts are those of Redis 7.0 and Valkey 8.1.
class ServerTroubleTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(ServerTroubleTest);
    CPPUNIT_TEST(testEveryErrorHasItsMeaning);
    CPPUNIT_TEST(testMovedNamesTheNode);
    CPPUNIT_TEST(testNoTextOfTheServerIsTold);
    CPPUNIT_TEST(testUnknownErrorIsToldByItsCode);
    CPPUNIT_TEST_SUITE_END();

public:
    void testEveryErrorHasItsMeaning()
    {
        const std::pair<const char*, Meaning> errors[] = {
            {"NOSCRIPT No matching script. Please use EVAL.", Meaning::scriptMissing},
            {"MOVED 866 127.0.0.1:7001", Meaning::moved},
            {"ASK 866 127.0.0.1:7001", Meaning::unavailable},
            {"TRYAGAIN Multiple keys request during rehashing of slot", Meaning::unavailable},
            {"CLUSTERDOWN The cluster is down", Meaning::unavailable},
            {"READONLY You can't write against a read only replica.", Meaning::notPrimary},
            {"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", Meaning::notPrimary},
            {"UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)", Meaning::notPrimary},
            {"LOADING Redis is loading the dataset in memory", Meaning::unavailable},
            {"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", Meaning::unavailable},
            {"NOREPLICAS Not enough good replicas to write.", Meaning::unavailable},
            {"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.", Meaning::unavailable},
            {"OOM command not allowed when used memory > 'maxmemory'.", Meaning::memoryFull},
            {"ERR max number of clients reached", Meaning::unavailable},
            {"NOAUTH Authentication required.", Meaning::refused},
            {"WRONGPASS invalid username-password pair or user is disabled.", Meaning::refused},
            {"NOPERM this user has no permissions to run the 'wait' command", Meaning::missingRight},
            {"ERR Protocol error: unauthenticated multibulk length", Meaning::refused},
            {"ERR The user executing the script can't run this command or subcommand script: 5a, on @user_script:5.",
             Meaning::missingRight},
            {"ERR ACL failure in script: User u has no permissions to run the 'zadd' command script: 5a, on @user_script:5.",
             Meaning::missingRight},
            {"ERR user_script:9: attempt to compare nil with number script: 5a, on @user_script:9.", Meaning::scriptFailed},
            {"WRONGTYPE Operation against a key holding the wrong kind of value script: 5a, on @user_script:9.", Meaning::scriptFailed},
            {"ERR unknown command 'EVALSHAX', with args beginning with: 'abc' 'secret' ", Meaning::refused},
            {"ERR DB index is out of range", Meaning::refused},
            {"ERR SELECT is not allowed in cluster mode", Meaning::refused},
            {"ERR Error compiling script (new function): user_script:1: unexpected symbol near '#'", Meaning::refused},
            {"CROSSSLOT Keys in request don't hash to the same slot", Meaning::refused},
            {"DENIED Redis is running in protected mode", Meaning::refused},
            {"NOPROTO unsupported protocol version", Meaning::refused},
        };
        for (const auto& [error, meaning] : errors)
        {
            const auto trouble = troubleOf(error);
            CPPUNIT_ASSERT_MESSAGE(error, trouble.meaning == meaning);
            CPPUNIT_ASSERT_MESSAGE(error, !trouble.why.empty());
        }
    }

    void testMovedNamesTheNode()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("10.0.0.7:7001"), troubleOf("MOVED 866 10.0.0.7:7001").address.value().text());
        CPPUNIT_ASSERT_EQUAL(std::string("[2001:db8::1]:7001"), troubleOf("MOVED 866 2001:db8::1:7001").address.value().text());
        const auto sameHost = troubleOf("MOVED 866 :7001").address.value();
        CPPUNIT_ASSERT(sameHost.host.empty() && sameHost.port == 7001);
        for (const char* const error : {"MOVED", "MOVED 866 ?:7001", "MOVED 866 host:0", "MOVED 866 host:x"})
        {
            const auto trouble = troubleOf(error);
            CPPUNIT_ASSERT_MESSAGE(error, trouble.meaning == Meaning::unavailable && !trouble.address);
        }
    }

    void testNoTextOfTheServerIsTold()
    {
        for (const char* const error : {"ERR unknown command 'X', with args beginning with: 'SECRETTOKEN'", "SECRETTOKEN1 is odd",
                                        "WRONGTYPE SECRETTOKEN script", "MOVED SECRETTOKEN", "ERR SECRETTOKEN", "secrettoken"})
        {
            const auto trouble = troubleOf(error);
            CPPUNIT_ASSERT_MESSAGE(trouble.why, trouble.why.find("SECRETTOKEN") == std::string::npos);
            CPPUNIT_ASSERT_MESSAGE(trouble.why, trouble.why.find("secrettoken") == std::string::npos);
        }
    }

    void testUnknownErrorIsToldByItsCode()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("it answers with the error NOPROTO"), troubleOf("NOPROTO unsupported protocol version").why);
        CPPUNIT_ASSERT_EQUAL(std::string("it answers with the error ERR"), troubleOf("odd").why);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ServerTroubleTest);

} // namespace Leasehold::Redis
