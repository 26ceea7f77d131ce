#include "HttpNode.h"

#include "Leasehold/Exceptions.h"

#include <cppunit/extensions/HelperMacros.h>

namespace Leasehold
{

class HttpNodeTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(HttpNodeTest);
    CPPUNIT_TEST(testAnAddressIsReadWithItsDefaults);
    CPPUNIT_TEST(testAnIPv6AddressKeepsItsBracketsOutOfTheHost);
    CPPUNIT_TEST(testAPasswordInAnAddressIsRefusedAndNotShown);
    CPPUNIT_TEST(testWhatIsNoAddressIsRefusedNamingTheKey);
    CPPUNIT_TEST(testEveryUnusualByteOfAnIdIsEncoded);
    CPPUNIT_TEST(testAnIdOfDotsCannotBecomeAStepInThePath);
    CPPUNIT_TEST_SUITE_END();

    static std::string refusalOf(const std::string& url)
    {
        try
        {
            HttpNode::parse(url, "the.key");
        }
        catch (const LockConfigurationError& error)
        {
            return error.message();
        }
        return "accepted";
    }

public:
    void testAnAddressIsReadWithItsDefaults()
    {
        const auto plain = HttpNode::parse("http://es-1", "k");
        CPPUNIT_ASSERT(!plain.tls);
        CPPUNIT_ASSERT_EQUAL(std::string("es-1"), plain.host);
        CPPUNIT_ASSERT_EQUAL(9200, static_cast<int>(plain.port));
        CPPUNIT_ASSERT_EQUAL(std::string("http://es-1:9200"), plain.address());

        const auto full = HttpNode::parse("https://example.org:443/es/", "k");
        CPPUNIT_ASSERT(full.tls);
        CPPUNIT_ASSERT_EQUAL(443, static_cast<int>(full.port));
        CPPUNIT_ASSERT_EQUAL(std::string("/es"), full.path);
        CPPUNIT_ASSERT_EQUAL(std::string("https://example.org:443/es"), full.address());
        CPPUNIT_ASSERT_EQUAL(80, static_cast<int>(HttpNode::parse("http://h:80", "k").port));
    }

    void testAnIPv6AddressKeepsItsBracketsOutOfTheHost()
    {
        const auto node = HttpNode::parse("http://[::1]:9201", "k");
        CPPUNIT_ASSERT_EQUAL(std::string("::1"), node.host);
        CPPUNIT_ASSERT_EQUAL(9201, static_cast<int>(node.port));
        CPPUNIT_ASSERT_EQUAL(std::string("http://[::1]:9201"), node.address());
        CPPUNIT_ASSERT_EQUAL(9200, static_cast<int>(HttpNode::parse("http://[::1]", "k").port));
    }

    void testAPasswordInAnAddressIsRefusedAndNotShown()
    {
        for (const std::string url : {"http://me:hunter2@es:9200", "https://hunter2@es", "http://me:hunter2@[bad:9200"})
        {
            const auto refusal = refusalOf(url);
            CPPUNIT_ASSERT(refusal.find("the.key") != std::string::npos);
            CPPUNIT_ASSERT(refusal.find("password") != std::string::npos);
            CPPUNIT_ASSERT(refusal.find("hunter2") == std::string::npos);
        }
    }

    void testWhatIsNoAddressIsRefusedNamingTheKey()
    {
        for (const std::string url :
             {"", "es:9200", "ftp://es", "http://", "http://es:0", "http://es:99999", "http://es?x=1", "http://es#x", "http:/es",
              // Guards against what no host is called, which was taken as one:
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

    void testAnIdOfDotsCannotBecomeAStepInThePath()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("%2E"), percentEncoded("."));
        CPPUNIT_ASSERT_EQUAL(std::string("%2E%2E"), percentEncoded(".."));
        CPPUNIT_ASSERT_EQUAL(std::string("a..b"), percentEncoded("a..b"));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HttpNodeTest);

} // namespace Leasehold
