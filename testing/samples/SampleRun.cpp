#include "SampleRun.h"

#include "Leasehold/waitUntil.h"

#include <cppunit/TestAssert.h>

#include <csignal>
#include <fstream>
#include <sstream>

namespace Leasehold
{
namespace
{

std::vector<std::string> commandOf(const std::string& program, const std::vector<std::string>& arguments)
{
    std::vector<std::string> command{program};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
}

} // namespace

SampleRun::SampleRun(const std::string& program, const std::vector<std::string>& arguments) :
    _process(commandOf(program, arguments), {.readsInput = false, .outputFile = _printed.path(), .errorFile = _printed.path()})
{
}

SampleRun::~SampleRun()
{
    exitStatus(Milliseconds{0});
}

bool SampleRun::says(const std::string& text, Milliseconds limit)
{
    return waitUntil([&] { return output().find(text) != std::string::npos; }, limit);
}

int SampleRun::exitStatus(Milliseconds limit)
{
    if (waitUntil([&] { return _process.hasEnded(); }, limit))
        return _process.wait();
    ::kill(_process.pid(), SIGTERM);
    if (!waitUntil([&] { return _process.hasEnded(); }, std::chrono::seconds{5}))
        _process.kill();
    return -1;
}

// The text of an assertion is made before its condition is known: both wait first.
void SampleRun::requireSays(const std::string& text)
{
    const bool said = says(text);
    CPPUNIT_ASSERT_MESSAGE("no \"" + text + "\" in:\n" + output(), said);
}

void SampleRun::requireExit(int status)
{
    const int ended = exitStatus();
    CPPUNIT_ASSERT_EQUAL_MESSAGE(output(), status, ended);
}

std::string SampleRun::output() const
{
    std::ostringstream text;
    text << std::ifstream(_printed.path()).rdbuf();
    return text.str();
}

} // namespace Leasehold
