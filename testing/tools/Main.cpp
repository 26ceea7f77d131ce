#include "Leasehold/TestRunner.h"

#include <csignal>
#include <initializer_list>

/// What a shell starts in the background, or nohup, ignores signals, and so would all that the tests start.
int main(int argc, char** argv)
{
    for (const int number : {SIGINT, SIGQUIT, SIGHUP, SIGTSTP, SIGTTIN, SIGTTOU})
        std::signal(number, SIG_DFL);
    return Leasehold::runTests(argc, argv);
}
