#include "Leasehold/TestRunner.h"

#include <csignal>
#include <initializer_list>

/// Resets ignored signals: a program started in the background or by nohup ignores some, and the children of the tests would inherit this.
int main(int argc, char** argv)
{
    for (const int number : {SIGINT, SIGQUIT, SIGHUP, SIGTSTP, SIGTTIN, SIGTTOU})
        std::signal(number, SIG_DFL);
    return Leasehold::runTests(argc, argv);
}
