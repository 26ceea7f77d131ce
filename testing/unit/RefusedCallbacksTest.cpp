#include "thrown.h"

#include <cstdio>
#include <sstream>
#include <string>
#include <sys/wait.h>

/// Tests that forbidden code does not compile, and that the compiler shows our message.
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

        /// g++ names the function in the error, clang shows its call in the next line.
        bool refusesToDrop(const std::string& function) const
        {
            std::istringstream lines(output);
            bool isNext = false;
            for (std::string line; std::getline(lines, line);)
            {
                const bool isRefusal = line.find("error:") != std::string::npos && line.find("nodiscard") != std::string::npos;
                if ((isRefusal && line.find("::" + function + "(") != std::string::npos) ||
                    (isNext && line.find("." + function + "(") != std::string::npos))
                    return true;
                isNext = isRefusal;
            }
            return false;
        }

        /// The number of errors with these words.
        std::size_t count(const std::string& words) const
        {
            std::size_t found = 0;
            std::istringstream lines(output);
            for (std::string line; std::getline(lines, line);)
                found += line.find("error:") != std::string::npos && line.find(words) != std::string::npos ? 1 : 0;
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
        assertRefused(4, "work under a lock is called as work(const Lock&) or as work(): this one can be called as neither");
        assertRefused(4, "work under a lock must not return a future: the lock would be released before the work ends");
        assertRefused(1, "a std::optional cannot hold a reference: let the work return a pointer or a std::reference_wrapper");
        for (const std::string dropped : {"acquire", "tryWithLock", "breakLock"})
            CPPUNIT_ASSERT_MESSAGE(dropped + "\n" + compiled.output, compiled.refusesToDrop(dropped));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RefusedCallbacksTest);
