#include "net/ChunkDecoder.h"

#include <cppunit/extensions/HelperMacros.h>

#include <stdexcept>

namespace Leasehold::Net
{

class ChunkDecoderTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(ChunkDecoderTest);
    CPPUNIT_TEST(testChunksInPiecesOfAnySizeMakeTheSameBody);
    CPPUNIT_TEST(testExtensionsAndTrailersAreSkipped);
    CPPUNIT_TEST(testBytesAfterTheEndAreIgnored);
    CPPUNIT_TEST(testMalformedChunksAreRefused);
    CPPUNIT_TEST_SUITE_END();

    static std::string decoded(const std::string& bytes, std::size_t piece, bool& over)
    {
        ChunkDecoder decoder;
        std::string body;
        for (std::size_t at = 0; at < bytes.size(); at += piece)
            decoder.feed(std::string_view(bytes).substr(at, piece), body);
        over = decoder.isOver();
        return body;
    }

    static void assertDecoded(const std::string& body, const std::string& bytes)
    {
        for (std::size_t piece = 1; piece <= bytes.size(); ++piece)
        {
            bool over = false;
            CPPUNIT_ASSERT_EQUAL(body, decoded(bytes, piece, over));
            CPPUNIT_ASSERT(over);
        }
    }

public:
    void testChunksInPiecesOfAnySizeMakeTheSameBody()
    {
        assertDecoded("hello\r\nworld!", "5\r\nhello\r\n8\r\n\r\nworld!\r\n0\r\n\r\n");
        assertDecoded("0123456789abcdef", "10\r\n0123456789abcdef\r\n0\r\n\r\n");
        assertDecoded("", "0\r\n\r\n");
    }

    void testExtensionsAndTrailersAreSkipped() { assertDecoded("ab", "2;name=value\r\nab\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n"); }

    void testBytesAfterTheEndAreIgnored() { assertDecoded("a", "1\r\na\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"); }

    void testMalformedChunksAreRefused()
    {
        for (const std::string& bytes : {std::string("\r\n"), std::string("x\r\n"), std::string("-1\r\n"), std::string("5g\r\n"),
                                         std::string("10000000000000000\r\n"), std::string("1\r\nab\r\n"), std::string(5000, '1')})
        {
            bool over = false;
            CPPUNIT_ASSERT_THROW_MESSAGE(bytes, decoded(bytes, bytes.size(), over), std::runtime_error);
            CPPUNIT_ASSERT_THROW_MESSAGE(bytes, decoded(bytes, 1, over), std::runtime_error);
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ChunkDecoderTest);

} // namespace Leasehold::Net
