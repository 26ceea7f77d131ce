#include "Leasehold/Store/ServiceThread.h"

#include <csignal>
#include <utility>

namespace Leasehold
{
namespace
{

/// A new thread inherits the signal mask of the thread that starts it.
class SignalsBlocked
{
public:
    SignalsBlocked()
    {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &_before);
    }
    ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &_before, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

private:
    sigset_t _before{};
};

} // namespace

std::thread startServiceThread(std::function<void()> work)
{
    const SignalsBlocked blocked;
    return std::thread(std::move(work));
}

} // namespace Leasehold
