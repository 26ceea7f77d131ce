#include "thrown.h"

#include <cstdio>
#include <sys/wait.h>

/// What must not compile does not, and the compiler says why in our words.
class RefusedCallbacksTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(RefusedCallbacksTest);
    CPPUNIT_TEST(testCallbacksThatFitCompile);
    CPPUNIT_TEST(testOthersAreRefusedWithTheReason);
    CPPUNIT_TEST_SUITE_END();

    struct Compiled
    {
        bool succeeded = false;
        std::string output{};

        std::size_t count(const std::string& words) const
        {
            std::size_t found = 0;
            for (auto at = output.find(words); at != std::string::npos; at = output.find(words, at + 1))
                ++found;
            return found;
        }
    };

    static Compiled compile(const std::string& definitions)
    {
        const auto command = LEASEHOLD_COMPILE " " + definitions + " 2>&1";
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

public:
    void testCallbacksThatFitCompile()
    {
        const auto compiled = compile("");
        CPPUNIT_ASSERT_MESSAGE(compiled.output, compiled.succeeded);
    }

    void testOthersAreRefusedWithTheReason()
    {
        const auto compiled = compile("-DREFUSED");
        CPPUNIT_ASSERT(!compiled.succeeded);
        const auto assertRefused = [&](std::size_t times, const std::string& words)
        { CPPUNIT_ASSERT_EQUAL_MESSAGE(words + "\n" + compiled.output, times, compiled.count(words)); };
        assertRefused(3, "withLock calls its callback as f(const Lock&) or as f(): this one can be called as neither");
        assertRefused(3, "withLock refuses a callback that returns a future: its lock would be released before the work ends");
        CPPUNIT_ASSERT_MESSAGE(compiled.output, compiled.count("nodiscard") > 0);
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RefusedCallbacksTest);
