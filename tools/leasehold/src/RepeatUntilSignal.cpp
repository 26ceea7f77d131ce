#include "RepeatUntilSignal.h"

#include "Descriptor.h"
#include "SystemError.h"

#include <csignal>
#include <poll.h>
#include <sys/signalfd.h>

namespace Leasehold::Tool
{

void RepeatUntilSignal::operator()(const std::function<void()>& work) const
{
    sigset_t ending;
    ::sigemptyset(&ending);
    for (const int number : {SIGINT, SIGTERM, SIGHUP})
        ::sigaddset(&ending, number);
    ::pthread_sigmask(SIG_BLOCK, &ending, nullptr);
    const Descriptor signals(::signalfd(-1, &ending, SFD_CLOEXEC));
    if (!signals)
        throwSystemError("cannot make a descriptor for signals");
    pollfd ready{signals.get(), POLLIN, 0};
    do
        work();
    while (::poll(&ready, 1, static_cast<int>(_interval.count())) <= 0);
}

} // namespace Leasehold::Tool
