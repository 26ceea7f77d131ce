#include "net/HttpNode.h"

#include "Leasehold/Exceptions.h"

#include <cppunit/extensions/HelperMacros.h>

namespace Leasehold::Net
{

class HttpNodeTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(HttpNodeTest);
    CPPUNIT_TEST(testAddressIsReadWithItsDefaults);
    CPPUNIT_TEST(testIPv6AddressKeepsItsBracketsOutOfTheHost);
    CPPUNIT_TEST(testPasswordInAnAddressIsRefusedAndNotShown);
    CPPUNIT_TEST(testWhatMayBeAPasswordIsNotShown);
    CPPUNIT_TEST(testWhatIsNoAddressIsRefusedNamingTheKey);
    CPPUNIT_TEST(testEveryUnusualByteOfAnIdIsEncoded);
    CPPUNIT_TEST(testIdOfDotsCannotBecomeAStepInThePath);
    CPPUNIT_TEST_SUITE_END();

    static std::string refusalOf(const std::string& url)
    {
        try
        {
            HttpNode::parse(url, "the.key", 9200);
        }
        catch (const LockConfigurationError& error)
        {
            return error.message();
        }
        return "accepted";
    }

public:
    void testAddressIsReadWithItsDefaults()
    {
        const auto plain = HttpNode::parse("http://es-1", "k", 9200);
        CPPUNIT_ASSERT(!plain.tls);
        CPPUNIT_ASSERT_EQUAL(std::string("es-1"), plain.host);
        CPPUNIT_ASSERT_EQUAL(9200, static_cast<int>(plain.port));
        CPPUNIT_ASSERT_EQUAL(std::string("http://es-1:9200"), plain.address());

        const auto full = HttpNode::parse("https://example.org:443/es/", "k", 9200);
        CPPUNIT_ASSERT(full.tls);
        CPPUNIT_ASSERT_EQUAL(443, static_cast<int>(full.port));
        CPPUNIT_ASSERT_EQUAL(std::string("/es"), full.path);
        CPPUNIT_ASSERT_EQUAL(std::string("https://example.org:443/es"), full.address());
        CPPUNIT_ASSERT_EQUAL(80, static_cast<int>(HttpNode::parse("http://h:80", "k", 9200).port));
    }

    void testIPv6AddressKeepsItsBracketsOutOfTheHost()
    {
        const auto node = HttpNode::parse("http://[::1]:9201", "k", 9200);
        CPPUNIT_ASSERT_EQUAL(std::string("::1"), node.host);
        CPPUNIT_ASSERT_EQUAL(9201, static_cast<int>(node.port));
        CPPUNIT_ASSERT_EQUAL(std::string("http://[::1]:9201"), node.address());
        CPPUNIT_ASSERT_EQUAL(9200, static_cast<int>(HttpNode::parse("http://[::1]", "k", 9200).port));
    }

    void testPasswordInAnAddressIsRefusedAndNotShown()
    {
        for (const std::string url : {"http://me:hunter2@es:9200", "https://hunter2@es", "http://me:hunter2@[bad:9200",
                                      "http://me:ab/hunter2@es", "me:hunter2@es", "http://me:hunter2/ab@es", "http://es/me:hunter2@x"})
        {
            const auto refusal = refusalOf(url);
            CPPUNIT_ASSERT(refusal.find("the.key") != std::string::npos);
            CPPUNIT_ASSERT(refusal.find("password") != std::string::npos);
            CPPUNIT_ASSERT(refusal.find("hunter2") == std::string::npos);
        }
    }

    void testWhatMayBeAPasswordIsNotShown()
    {
        for (const std::string url : {"http://me:hunter2", "http://me:hunter2/x", "http://me:ab/hunter2", "me:hunter2", "http://es?hunter2",
                                      "http://es#hunter2", "ftp://me:hunter2", "http://[es]:hunter2"})
        {
            const auto refusal = refusalOf(url);
            CPPUNIT_ASSERT_MESSAGE(refusal, refusal.find("the.key") == 0);
            CPPUNIT_ASSERT_MESSAGE(refusal, refusal.find("hunter2") == std::string::npos);
        }
        CPPUNIT_ASSERT(refusalOf("ftp://es:9200/x").find("\"ftp://es:9200/x\"") != std::string::npos);
        CPPUNIT_ASSERT(refusalOf("http://[::1]:0").find("\"http://[::1]:0\"") != std::string::npos);
    }

    void testWhatIsNoAddressIsRefusedNamingTheKey()
    {
        for (const std::string url :
             {"", "es:9200", "ftp://es", "http://", "http://es:0", "http://es:99999", "http://es?x=1", "http://es#x", "http:/es",
              // Guards against invalid host names that were accepted:
              "http://[[es]", "http://e s", "http://es\"", "http://gr\xc3\xbcn"})
        {
            const auto refusal = refusalOf(url);
            CPPUNIT_ASSERT_MESSAGE(url, refusal.find("the.key") == 0);
        }
    }

    void testEveryUnusualByteOfAnIdIsEncoded()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("nightly.job-1_x~"), percentEncoded("nightly.job-1_x~"));
        CPPUNIT_ASSERT_EQUAL(std::string("a%2Fb%20%C3%A9%3F%23%2B%25%22"), percentEncoded("a/b \xc3\xa9?#+%\""));
        CPPUNIT_ASSERT_EQUAL(std::size_t{1536}, percentEncoded(std::string(512, '\xff')).size());
    }

    void testIdOfDotsCannotBecomeAStepInThePath()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("%2E"), percentEncoded("."));
        CPPUNIT_ASSERT_EQUAL(std::string("%2E%2E"), percentEncoded(".."));
        CPPUNIT_ASSERT_EQUAL(std::string("a..b"), percentEncoded("a..b"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HttpNodeTest);

} // namespace Leasehold::Net
