#include "EtcdTrouble.h"
#include "EtcdVersion.h"

#include <cppunit/extensions/HelperMacros.h>

namespace Leasehold::Etcd
{

/// What each failure of a server means, in the words of real servers.
class EtcdTroubleTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(EtcdTroubleTest);
    CPPUNIT_TEST(testCodeAndMessageDecideAndNotTheStatus);
    CPPUNIT_TEST(testFailuresOfTheClusterAreTransient);
    CPPUNIT_TEST(testRefusalsArePermanent);
    CPPUNIT_TEST(testAnswersOfOthersAreJudgedByTheirStatus);
    CPPUNIT_TEST(testMessagesOfOthersAreNotShown);
    CPPUNIT_TEST(testVersionsAreCompared);
    CPPUNIT_TEST_SUITE_END();

    static Verdict of(int status, int code, const std::string& message)
    {
        return judgeError(status, R"({"code":)" + std::to_string(code) + R"(,"message":")" + message + "\"}");
    }
    static void require(Meaning meaning, int status, int code, const std::string& message)
    {
        CPPUNIT_ASSERT_MESSAGE(message, of(status, code, message).meaning == meaning);
    }

public:
    void testCodeAndMessageDecideAndNotTheStatus()
    {
        for (const int status : {400, 412})
            require(Meaning::leaseExists, status, 9, "etcdserver: lease already exists");
        require(Meaning::leaseMissing, 404, 5, "etcdserver: requested lease not found");
        require(Meaning::compacted, 400, 11, "etcdserver: mvcc: required revision has been compacted");
        require(Meaning::tokenRefused, 401, 16, "etcdserver: invalid auth token");
        require(Meaning::tokenRefused, 400, 3, "etcdserver: revision of auth store is old");
        require(Meaning::tokenRefused, 400, 3, "etcdserver: user name is empty");
        require(Meaning::authenticationOff, 412, 9, "etcdserver: authentication is not enabled");
        require(Meaning::contentRefused, 400, 3, "etcdserver: request is too large");
        require(Meaning::wrongNode, 503, 14, "etcdserver: rpc not supported for learner");
    }

    void testFailuresOfTheClusterAreTransient()
    {
        for (const auto* message : {"etcdserver: request timed out", "etcdserver: no leader", "etcdserver: leader changed",
                                    "etcdserver: server stopped", "etcdserver: request timed out, possibly due to previous leader failure"})
            require(Meaning::nodeFailed, 503, 14, message);
        require(Meaning::nodeFailed, 500, 2, "context deadline exceeded");
        require(Meaning::nodeFailed, 504, 4, "context deadline exceeded");
        require(Meaning::nodeFailed, 500, 2, "raft: stopped");
        require(Meaning::unavailable, 429, 8, "etcdserver: too many requests");
        const auto noSpace = of(429, 8, "etcdserver: mvcc: database space exceeded");
        CPPUNIT_ASSERT(noSpace.meaning == Meaning::unavailable);
        CPPUNIT_ASSERT_MESSAGE(noSpace.why, noSpace.why.find("no space") != std::string::npos);
    }

    void testRefusalsArePermanent()
    {
        require(Meaning::permanent, 403, 7, "etcdserver: permission denied");
        require(Meaning::permanent, 400, 3, "etcdserver: authentication failed, invalid user ID or password");
        require(Meaning::permanent, 400, 3, "etcdserver: too many operations in txn request");
        require(Meaning::permanent, 400, 3, "etcdserver: duplicate key given in txn request");
        require(Meaning::permanent, 404, 5, "Not Found");
        require(Meaning::permanent, 500, 15, "etcdserver: corrupt cluster");
        require(Meaning::permanent, 501, 12, "unknown service");
    }

    void testAnswersOfOthersAreJudgedByTheirStatus()
    {
        const auto of = [](int status, const std::string& type, const std::string& body)
        { return judge({.status = status, .contentType = type, .body = body}); };
        const auto off = of(404, "text/plain; charset=utf-8", "404 page not found\n");
        CPPUNIT_ASSERT(off.meaning == Meaning::permanent);
        CPPUNIT_ASSERT_MESSAGE(off.why, off.why.find("--enable-grpc-gateway") != std::string::npos);
        CPPUNIT_ASSERT(of(502, "text/html", "<html>").meaning == Meaning::unavailable);
        CPPUNIT_ASSERT(of(401, "text/html", "<html>").meaning == Meaning::permanent);
        CPPUNIT_ASSERT(of(302, "text/html", "").meaning == Meaning::permanent);
        const auto name =
            of(400, "text/plain", "CommonName of client sending a request against gateway will be ignored and not used as expected");
        CPPUNIT_ASSERT_MESSAGE(name.why, name.why.find("without a CN") != std::string::npos);
        CPPUNIT_ASSERT(of(200, "application/json", "{}").meaning == Meaning::done);
    }

    void testMessagesOfOthersAreNotShown()
    {
        const auto verdict = of(400, 3, "proto: invalid value for field value: c2VjcmV0");
        CPPUNIT_ASSERT_MESSAGE(verdict.why, verdict.why.find("c2VjcmV0") == std::string::npos);
        CPPUNIT_ASSERT(of(429, 8, "etcdserver: too many requests").why.find("too many requests") != std::string::npos);
    }

    void testVersionsAreCompared()
    {
        CPPUNIT_ASSERT(isTooOld("3.3.27"));
        CPPUNIT_ASSERT(!isTooOld("3.4.0"));
        CPPUNIT_ASSERT(!isTooOld("3.10.1"));
        CPPUNIT_ASSERT(!isTooOld("unknown"));
        CPPUNIT_ASSERT(canCorrupt("3.5.0") && canCorrupt("3.5.2"));
        CPPUNIT_ASSERT(!canCorrupt("3.4.23") && !canCorrupt("3.5.3") && !canCorrupt("3.6.0-rc.1"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EtcdTroubleTest);

} // namespace Leasehold::Etcd
