#include "PushEvent.h"

#include <cppunit/extensions/HelperMacros.h>

namespace Leasehold::Redis
{

class PushEventTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(PushEventTest);
    CPPUNIT_TEST(testEveryWordHasItsKind);
    CPPUNIT_TEST(testNameMayHaveAnyBytes);
    CPPUNIT_TEST(testOtherRepliesAreNoEvent);
    CPPUNIT_TEST_SUITE_END();

    using Kind = PushEvent::Kind;

    static Reply text(const std::string& content) { return {.type = Reply::Type::text, .text = content}; }

    static PushEvent read(const std::vector<Reply>& items)
    {
        return PushEvent::of({.type = Reply::Type::array, .items = items}, Keys("p"));
    }

    static PushEvent read(const std::string& word, const std::string& channel) { return read({text(word), text(channel), text("1")}); }

public:
    void testEveryWordHasItsKind()
    {
        const std::pair<const char*, Kind> words[] = {
            {"subscribe", Kind::subscribed},      {"ssubscribe", Kind::subscribed}, {"unsubscribe", Kind::unsubscribed},
            {"sunsubscribe", Kind::unsubscribed}, {"message", Kind::released},      {"smessage", Kind::released},
        };
        for (const auto& [word, kind] : words)
        {
            const auto event = read(word, "{p}:free:a");
            CPPUNIT_ASSERT_MESSAGE(word, event.kind == kind);
            CPPUNIT_ASSERT_EQUAL(std::string("a"), event.name);
        }
    }

    void testNameMayHaveAnyBytes()
    {
        const std::string name("{p}:free:\0\r\n", 12);
        CPPUNIT_ASSERT_EQUAL(name, read("message", "{p}:free:" + name).name);
    }

    void testOtherRepliesAreNoEvent()
    {
        CPPUNIT_ASSERT(read({text("pong"), text("")}).kind == Kind::other);
        CPPUNIT_ASSERT(read("message", "{q}:free:a").kind == Kind::other);
        CPPUNIT_ASSERT(read("pmessage", "{p}:free:a").kind == Kind::other);
        CPPUNIT_ASSERT(PushEvent::of({.type = Reply::Type::integer, .integer = 1}, Keys("p")).kind == Kind::other);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PushEventTest);

} // namespace Leasehold::Redis
