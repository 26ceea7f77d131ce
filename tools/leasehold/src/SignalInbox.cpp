#include "SignalInbox.h"

#include "SystemError.h"

#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace Leasehold::Tool
{

namespace
{

constexpr int passedOn[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGTSTP, SIGCONT};

bool isIgnored(int number)
{
    struct sigaction action = {};
    return ::sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

sigset_t setOf(int number)
{
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, number);
    return set;
}

} // namespace

SignalInbox::SignalInbox()
{
    sigset_t taken;
    ::sigemptyset(&taken);
    for (const int number : passedOn)
        if (!isIgnored(number))
            ::sigaddset(&taken, number);
    ::pthread_sigmask(SIG_BLOCK, &taken, nullptr);
    _descriptor = Descriptor(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!_descriptor)
        throwSystemError("cannot make a descriptor for signals");
}

std::optional<SignalInbox::Signal> SignalInbox::next() noexcept
{
    signalfd_siginfo signal{};
    if (::read(_descriptor.get(), &signal, sizeof signal) != sizeof signal)
        return std::nullopt;
    return Signal{static_cast<int>(signal.ssi_signo), signal.ssi_code == SI_KERNEL};
}

void SignalInbox::stopOurGroup(int number) noexcept
{
    ::kill(0, number); // the others of a pipeline as well, as the terminal does it
    if (number == SIGSTOP)
        return;
    const auto stop = setOf(number);
    sigset_t before;
    ::pthread_sigmask(SIG_UNBLOCK, &stop, &before);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void SignalInbox::endOurGroup(int number) noexcept
{
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none); // the command's core is the one of interest
    const auto fatal = setOf(number);
    ::kill(0, number);
    ::pthread_sigmask(SIG_UNBLOCK, &fatal, nullptr);
}

} // namespace Leasehold::Tool
