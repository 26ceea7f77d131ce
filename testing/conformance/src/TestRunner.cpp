#include "Leasehold/TestRunner.h"

#include "HarnessRegistry.h"
#include "conformanceWorker.h"

#include <Poco/Exception.h>

#include <cppunit/CompilerOutputter.h>
#include <cppunit/Message.h>
#include <cppunit/Protector.h>
#include <cppunit/TestFailure.h>
#include <cppunit/TestListener.h>
#include <cppunit/TestResult.h>
#include <cppunit/TestResultCollector.h>
#include <cppunit/TestSuite.h>
#include <cppunit/extensions/TestFactoryRegistry.h>

#include <chrono>
#include <iostream>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace Leasehold
{
namespace
{

/// Prints the running test, so that a hanging test is known, and slow tests.
class Progress : public CppUnit::TestListener
{
public:
    void startTest(CppUnit::Test* test) override
    {
        ++_ran;
        _started = std::chrono::steady_clock::now();
        std::cout << "  " << test->getName() << std::flush;
    }

    void addFailure(const CppUnit::TestFailure& failure) override
    {
        if (_failed.insert(failure.failedTest()).second) // count it once, also if its tearDown fails too
            std::cout << " FAILED" << std::flush;
    }

    void endTest(CppUnit::Test*) override
    {
        const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - _started);
        if (took.count() >= 500)
            std::cout << " (" << took.count() << " ms)";
        std::cout << std::endl;
    }

    int ran() const { return _ran; }
    int failed() const { return static_cast<int>(_failed.size()); }

private:
    int _ran = 0;
    std::set<const CppUnit::Test*> _failed{};
    std::chrono::steady_clock::time_point _started{};
};

/// Adds the message of POCO's exceptions, whose what() is only their class.
class WholeMessages : public CppUnit::Protector
{
public:
    bool protect(const CppUnit::Functor& functor, const CppUnit::ProtectorContext& context) override
    {
        try
        {
            return functor();
        }
        catch (const Poco::Exception& exception)
        {
            reportError(context, CppUnit::Message("uncaught exception", exception.displayText()));
        }
        return false;
    }
};

void collect(CppUnit::Test* test, const std::string& part, std::vector<CppUnit::Test*>& chosen)
{
    if (test->getChildTestCount() == 0)
    {
        const bool isCase = dynamic_cast<CppUnit::TestSuite*>(test) == nullptr;
        if (isCase && test->getName().find(part) != std::string::npos)
            chosen.push_back(test);
        return;
    }
    for (int i = 0; i < test->getChildTestCount(); ++i)
        collect(test->getChildTestAt(i), part, chosen);
}

} // namespace

int runTests(int argc, char** argv)
{
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (const auto status = runConformanceWorker(arguments))
        return *status;
    const bool list = arguments == std::vector<std::string>{"--list"};
    const bool only = arguments.size() == 2 && arguments[0] == "--only";
    if (!arguments.empty() && !list && !only)
    {
        std::cerr << "usage: " << argv[0] << " [--list | --only TEXT]\n";
        return 64;
    }

    std::string leftOut;
    for (auto& harness : registeredHarnesses())
        leftOut += leaveOutMissing(harness);
    const std::unique_ptr<CppUnit::Test> root(CppUnit::TestFactoryRegistry::getRegistry().makeTest());
    std::vector<CppUnit::Test*> chosen;
    collect(root.get(), only ? arguments[1] : "", chosen);
    if (list)
    {
        for (const auto* test : chosen)
            std::cout << test->getName() << '\n';
        return 0;
    }

    std::cout << leftOut;
    CppUnit::TestResult result;
    CppUnit::TestResultCollector collector;
    Progress progress;
    result.addListener(&collector);
    result.addListener(&progress);
    result.pushProtector(new WholeMessages); // `result` owns it
    for (auto* test : chosen)
        test->run(&result);

    CppUnit::CompilerOutputter(&collector, std::cout).write();
    const int failed = progress.failed();
    const int missing = static_cast<int>(chosen.size()) - progress.ran();
    if (missing != 0)
        std::cout << missing << " of " << chosen.size() << " tests did not run\n";
    if (chosen.empty())
        std::cout << "no test was selected\n";
    std::cout << progress.ran() - failed << " passed, " << failed << " failed" << std::endl;
    return failed == 0 && missing == 0 && !chosen.empty() ? 0 : 1;
}

} // namespace Leasehold
