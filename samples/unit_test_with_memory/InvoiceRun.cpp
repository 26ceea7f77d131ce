#include "InvoiceRun.h"

#include <Leasehold/Exceptions.h>

using namespace std::chrono_literals;

InvoiceRun::Outcome InvoiceRun::run(const std::vector<std::string>& invoices)
{
    try
    {
        _locks.withLock("invoices",
                        [&](const Leasehold::Lock& lock)
                        {
                            for (const auto& invoice : invoices)
                            {
                                lock.requireHeld(1s); // enough for one invoice; throws LockLostError if it is not sure
                                _send(invoice);
                            }
                        });
        return Outcome::sentAll;
    }
    catch (const Leasehold::LockAcquisitionError&)
    {
        return Outcome::anotherHostIsAtIt;
    }
    catch (const Leasehold::LockLostError&)
    {
        return Outcome::stoppedWhenTheLockWasLost;
    }
}
