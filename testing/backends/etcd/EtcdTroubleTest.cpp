#include "EtcdTrouble.h"
#include "EtcdVersion.h"
#include "StoreFixture.h"

#include <cppunit/extensions/HelperMacros.h>

namespace Leasehold::Etcd
{

/// What each failure of a server means, in the words of real servers.
class EtcdTroubleTest : public StoreFixture
{
    CPPUNIT_TEST_SUITE(EtcdTroubleTest);
    CPPUNIT_TEST(testCodeAndMessageDecideAndNotTheStatus);
    CPPUNIT_TEST(testFullDatabaseIsNamed);
    CPPUNIT_TEST(testAnswersOfOthersAreJudgedByTheirStatus);
    CPPUNIT_TEST(testMessagesOfOthersAreNotShown);
    CPPUNIT_TEST(testVersionsAreCompared);
    CPPUNIT_TEST_SUITE_END();

    static Verdict of(int status, int code, const std::string& message)
    {
        return judgeError(status, R"({"code":)" + std::to_string(code) + R"(,"message":")" + message + "\"}");
    }
    static Verdict ofForeign(int status, const std::string& type, const std::string& body)
    {
        return judge({.status = status, .contentType = type, .body = body});
    }

public:
    void testCodeAndMessageDecideAndNotTheStatus()
    {
        struct Failure
        {
            int status;
            int code;
            const char* message;
            Meaning meaning;
        };
        const Failure failures[] = {
            {400, 9, "etcdserver: lease already exists", Meaning::leaseExists},
            {412, 9, "etcdserver: lease already exists", Meaning::leaseExists},
            {404, 5, "etcdserver: requested lease not found", Meaning::leaseMissing},
            {400, 11, "etcdserver: mvcc: required revision has been compacted", Meaning::compacted},
            {400, 11, "etcdserver: mvcc: required revision is a future revision", Meaning::unavailable},
            {401, 16, "etcdserver: invalid auth token", Meaning::tokenRefused},
            {400, 3, "etcdserver: revision of auth store is old", Meaning::tokenRefused},
            {400, 3, "etcdserver: user name is empty", Meaning::tokenRefused},
            {412, 9, "etcdserver: authentication is not enabled", Meaning::authenticationOff},
            {400, 3, "etcdserver: request is too large", Meaning::contentRefused},
            {429, 8, "grpc: received message larger than max (3000000 vs. 2097152)", Meaning::contentRefused},
            {503, 14, "etcdserver: rpc not supported for learner", Meaning::wrongNode},
            {503, 14, "etcdserver: request timed out", Meaning::nodeFailed},
            {503, 14, "etcdserver: no leader", Meaning::nodeFailed},
            {503, 14, "etcdserver: leader changed", Meaning::nodeFailed},
            {503, 14, "etcdserver: server stopped", Meaning::nodeFailed},
            {503, 14, "etcdserver: request timed out, possibly due to previous leader failure", Meaning::nodeFailed},
            {500, 2, "context deadline exceeded", Meaning::nodeFailed},
            {504, 4, "context deadline exceeded", Meaning::nodeFailed},
            {500, 2, "raft: stopped", Meaning::nodeFailed},
            {408, 1, "context canceled", Meaning::nodeFailed},
            {429, 8, "etcdserver: too many requests", Meaning::unavailable},
            {403, 7, "etcdserver: permission denied", Meaning::permanent},
            {400, 3, "etcdserver: authentication failed, invalid user ID or password", Meaning::permanent},
            {400, 3, "etcdserver: too many operations in txn request", Meaning::permanent},
            {400, 3, "etcdserver: duplicate key given in txn request", Meaning::permanent},
            {404, 5, "Not Found", Meaning::permanent},
            {500, 15, "etcdserver: corrupt cluster", Meaning::permanent},
            {501, 12, "unknown service", Meaning::permanent},
        };
        for (const auto& [status, code, message, meaning] : failures)
            CPPUNIT_ASSERT_MESSAGE(message, of(status, code, message).meaning == meaning);
    }

    void testFullDatabaseIsNamed()
    {
        const auto noSpace = of(429, 8, "etcdserver: mvcc: database space exceeded");
        CPPUNIT_ASSERT(noSpace.meaning == Meaning::unavailable);
        assertSays(noSpace.why, "no space");
    }

    void testAnswersOfOthersAreJudgedByTheirStatus()
    {
        const auto off = ofForeign(404, "text/plain; charset=utf-8", "404 page not found\n");
        CPPUNIT_ASSERT(off.meaning == Meaning::permanent);
        assertSays(off.why, "--enable-grpc-gateway");
        CPPUNIT_ASSERT(ofForeign(502, "text/html", "<html>").meaning == Meaning::unavailable);
        assertSays(ofForeign(502, "text/html", "<html>").why, "a proxy");
        CPPUNIT_ASSERT(ofForeign(501, "text/html", "<html>").meaning == Meaning::permanent); // a web server that knows no POST
        CPPUNIT_ASSERT(ofForeign(401, "text/html", "<html>").meaning == Meaning::permanent);
        assertSays(ofForeign(407, "text/html", "<html>").why, "a proxy");
        CPPUNIT_ASSERT(ofForeign(302, "text/html", "").meaning == Meaning::permanent);
        assertSays(ofForeign(302, "text/html", "").why, "redirects");
        assertSays(ofForeign(400, "text/plain", "Client sent an HTTP request to an HTTPS server.\n").why, "https");
        assertSays(ofForeign(405, "text/html", "<html>").why, "client URL of etcd");
        const auto named =
            ofForeign(400, "text/plain", "CommonName of client sending a request against gateway will be ignored and not used as expected");
        CPPUNIT_ASSERT(named.meaning == Meaning::permanent);
        assertSays(named.why, "without a CN");
        CPPUNIT_ASSERT(judgeError(502, "<html>").meaning == Meaning::unavailable); // of a stream
        CPPUNIT_ASSERT(ofForeign(200, "application/json", "{}").meaning == Meaning::done);
    }

    void testMessagesOfOthersAreNotShown()
    {
        const auto verdict = of(400, 3, "proto: invalid value for field value: c2VjcmV0");
        CPPUNIT_ASSERT_MESSAGE(verdict.why, verdict.why.find("c2VjcmV0") == std::string::npos);
        assertSays(of(429, 8, "etcdserver: too many requests").why, "too many requests");
    }

    void testVersionsAreCompared()
    {
        CPPUNIT_ASSERT(isTooOld("3.3.27"));
        CPPUNIT_ASSERT(!isTooOld("3.4.0"));
        CPPUNIT_ASSERT(!isTooOld("3.10.1"));
        CPPUNIT_ASSERT(!isTooOld("unknown") && !isTooOld("3.3-unknown"));
        CPPUNIT_ASSERT(canCorrupt("3.5.0") && canCorrupt("3.5.2"));
        CPPUNIT_ASSERT(!canCorrupt("3.4.23") && !canCorrupt("3.5.3") && !canCorrupt("3.6.0-rc.1"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EtcdTroubleTest);

} // namespace Leasehold::Etcd
