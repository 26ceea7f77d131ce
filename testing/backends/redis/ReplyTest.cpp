#include "Reply.h"

#include <cppunit/extensions/HelperMacros.h>

namespace Leasehold::Redis
{

class ReplyTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(ReplyTest);
    CPPUNIT_TEST(testEveryTypeIsRead);
    CPPUNIT_TEST(testNestedArraysAreRead);
    CPPUNIT_TEST(testCutReplyWaitsForItsRest);
    CPPUNIT_TEST(testUnfinishedReplyIsFreed);
    CPPUNIT_TEST(testRepliesInOnePieceAreReadOneByOne);
    CPPUNIT_TEST(testOtherProtocolsAreRefused);
    CPPUNIT_TEST(testHugeArrayIsRefused);
    CPPUNIT_TEST_SUITE_END();

    static Reply read(const std::string& bytes)
    {
        ReplyReader reader;
        reader.feed(bytes);
        auto reply = reader.next();
        CPPUNIT_ASSERT_MESSAGE(bytes, reply.has_value());
        return std::move(*reply);
    }

public:
    void testEveryTypeIsRead()
    {
        CPPUNIT_ASSERT(read("+OK\r\n").isText("OK"));
        const std::string binary("a\r\n\0b", 5);
        CPPUNIT_ASSERT(read("$5\r\n" + binary + "\r\n").isText(binary));
        CPPUNIT_ASSERT(read("$-1\r\n").type == Reply::Type::nil);
        CPPUNIT_ASSERT_EQUAL(std::int64_t{9007199254740991}, read(":9007199254740991\r\n").integer);
        const auto error = read("-ERR no\r\n");
        CPPUNIT_ASSERT(error.type == Reply::Type::error);
        CPPUNIT_ASSERT_EQUAL(std::string("ERR no"), error.text);
    }

    void testNestedArraysAreRead()
    {
        const auto reply = read("*3\r\n*2\r\n:1\r\n$1\r\na\r\n*0\r\n*-1\r\n");
        CPPUNIT_ASSERT(reply.isArrayOf(3));
        CPPUNIT_ASSERT(reply.items[0].isArrayOf(2));
        CPPUNIT_ASSERT(reply.items[0].items[1].isText("a"));
        CPPUNIT_ASSERT(reply.items[1].isArrayOf(0));
        CPPUNIT_ASSERT(reply.items[2].type == Reply::Type::nil);
    }

    void testCutReplyWaitsForItsRest()
    {
        const std::string whole = "*2\r\n$5\r\nhello\r\n:12\r\n";
        for (std::size_t cut = 1; cut < whole.size(); ++cut)
        {
            ReplyReader reader;
            reader.feed(whole.substr(0, cut));
            CPPUNIT_ASSERT(!reader.next());
            reader.feed(whole.substr(cut));
            const auto reply = reader.next();
            CPPUNIT_ASSERT(reply && reply->isArrayOf(2) && reply->items[0].isText("hello") && reply->items[1].integer == 12);
        }
    }

    /// The sanitizers would tell.
    void testUnfinishedReplyIsFreed()
    {
        ReplyReader reader;
        reader.feed("*2\r\n$1\r\na\r\n");
        CPPUNIT_ASSERT(!reader.next());
    }

    void testRepliesInOnePieceAreReadOneByOne()
    {
        ReplyReader reader;
        reader.feed("+a\r\n+b\r\n");
        CPPUNIT_ASSERT(reader.next()->isText("a"));
        CPPUNIT_ASSERT(reader.next()->isText("b"));
        CPPUNIT_ASSERT(!reader.next());
    }

    void testOtherProtocolsAreRefused()
    {
        for (const std::string bytes :
             {"HTTP/1.1 200 OK\r\n", "\x15\x03\x03", "%1\r\n+a\r\n+b\r\n", "*-5\r\n", ":12x\r\n", "$99999999999999999999\r\n"})
        {
            ReplyReader reader;
            reader.feed(bytes);
            CPPUNIT_ASSERT_THROW_MESSAGE(bytes, reader.next(), NotTheProtocol);
        }
    }

    void testHugeArrayIsRefused()
    {
        ReplyReader reader;
        reader.feed("*2000000000\r\n");
        CPPUNIT_ASSERT_THROW(reader.next(), NotTheProtocol);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ReplyTest);

} // namespace Leasehold::Redis
