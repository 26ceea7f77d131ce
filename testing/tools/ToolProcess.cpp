#include "ToolProcess.h"

#include <Poco/Exception.h>

#include <cppunit/TestAssert.h>

#include <atomic>
#include <fstream>
#include <sstream>
#include <unistd.h>
#include <utility>

namespace Leasehold
{

namespace
{

std::string nextBase(const std::string& folder)
{
    static std::atomic<int> count{0};
    return folder + "/process" + std::to_string(++count);
}

} // namespace

ToolProcess::ToolProcess(const std::vector<std::string>& words, const Options& options) :
    ToolProcess(words, options, nextBase(options.folder))
{
}

ToolProcess::ToolProcess(const std::vector<std::string>& words, const Options& options, std::string base) :
    _base(std::move(base)), _process(words, {.readsInput = false,
                                             .outputFile = _base + ".out",
                                             .errorFile = _base + ".err",
                                             .diesWithStarter = false,
                                             .leadsGroup = true,
                                             .ignoredSignal = options.ignoredSignal,
                                             // UndefinedBehaviorSanitizer needs two for a moment.
                                             .maximumDescriptor = options.capsOpenFiles ? std::optional(STDERR_FILENO + 2U) : std::nullopt})
{
}

int ToolProcess::wait()
{
    try
    {
        return _process.wait();
    }
    catch (const Poco::Exception& error)
    {
        CPPUNIT_FAIL(error.displayText() + "; it said: " + errors());
    }
}

// Wait first, because an assertion computes its text before its condition.
void ToolProcess::requireExit(int status)
{
    const int ended = wait();
    CPPUNIT_ASSERT_EQUAL_MESSAGE(errors(), status, ended);
}

bool ToolProcess::isStopped() const
{
    return stateOf(pid()) == 'T';
}

std::string ToolProcess::output() const
{
    return contentOf(_base + ".out");
}

std::string ToolProcess::errors() const
{
    return contentOf(_base + ".err");
}

std::string contentOf(const std::string& path)
{
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

void writeFile(const std::string& path, const std::string& content)
{
    std::ofstream file(path);
    file << content << std::flush;
    CPPUNIT_ASSERT_MESSAGE(path, file.good());
}

bool exists(const std::string& path)
{
    return ::access(path.c_str(), F_OK) == 0;
}

char stateOf(pid_t pid)
{
    const auto stat = contentOf("/proc/" + std::to_string(pid) + "/stat");
    const auto name = stat.rfind(')');
    return name == std::string::npos || name + 2 >= stat.size() ? 'X' : stat[name + 2];
}

std::vector<pid_t> childrenOf(pid_t pid)
{
    std::istringstream list(contentOf("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children"));
    std::vector<pid_t> children;
    for (pid_t child = 0; list >> child;)
        children.push_back(child);
    return children;
}

} // namespace Leasehold
