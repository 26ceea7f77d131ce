#pragma once

#include <Leasehold/LockManagerService.h>

#include <functional>
#include <string>
#include <vector>

/// An application's own class, as it might stand in your code: sends each invoice once, from whichever host comes first.
class InvoiceRun
{
public:
    using Send = std::function<void(const std::string& invoice)>;

    enum class Outcome
    {
        sentAll,
        anotherHostIsAtIt,
        stoppedWhenTheLockWasLost
    };

    InvoiceRun(Leasehold::LockManagerService& locks, Send send) : _locks(locks), _send(std::move(send)) {}

    Outcome run(const std::vector<std::string>& invoices);

private:
    Leasehold::LockManagerService& _locks;
    const Send _send;
};
