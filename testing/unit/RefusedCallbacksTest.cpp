#include "thrown.h"

#include <cstdio>
#include <sys/wait.h>

/// What must not compile does not, and the compiler says why in our words.
class RefusedCallbacksTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(RefusedCallbacksTest);
    CPPUNIT_TEST(testACallbackThatFitsCompiles);
    CPPUNIT_TEST(testACallbackWithOtherArgumentsIsRefused);
    CPPUNIT_TEST(testACallbackThatReturnsAFutureIsRefused);
    CPPUNIT_TEST(testALockThatNobodyKeepsIsWarnedOf);
    CPPUNIT_TEST_SUITE_END();

    struct Compiled
    {
        bool succeeded = false;
        std::string output{};
    };

    static Compiled compile(int number)
    {
        const auto command = std::string(LEASEHOLD_COMPILE " -Werror -DCASE=") + std::to_string(number) + " 2>&1";
        FILE* const pipe = ::popen(command.c_str(), "r");
        CPPUNIT_ASSERT(pipe);
        Compiled result;
        char buffer[4096];
        for (std::size_t got = 0; (got = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;)
            result.output.append(buffer, got);
        const int status = ::pclose(pipe);
        result.succeeded = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        return result;
    }

    static void assertRefused(int number, const std::string& words)
    {
        const auto compiled = compile(number);
        CPPUNIT_ASSERT_MESSAGE("case " + std::to_string(number) + " compiles", !compiled.succeeded);
        assertNames(compiled.output, {words});
    }

public:
    void testACallbackThatFitsCompiles()
    {
        const auto compiled = compile(0);
        CPPUNIT_ASSERT_MESSAGE(compiled.output, compiled.succeeded);
    }

    void testACallbackWithOtherArgumentsIsRefused()
    {
        for (const int number : {1, 2, 3})
            assertRefused(number, "withLock calls its callback as f(const Lock&) or as f(): this one can be called as neither");
    }

    void testACallbackThatReturnsAFutureIsRefused()
    {
        for (const int number : {4, 5, 6})
            assertRefused(number, "withLock refuses a callback that returns a future: its lock would be released before the work ends");
    }

    void testALockThatNobodyKeepsIsWarnedOf() { assertRefused(7, "nodiscard"); }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RefusedCallbacksTest);
