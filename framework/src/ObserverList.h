#pragma once

#include "Leasehold/LockObserver.h"

#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace Leasehold
{

/// The observers of a service. An exception of one observer does not reach the service; the other observers are told of it.
class ObserverList
{
public:
    explicit ObserverList(std::vector<std::shared_ptr<LockObserver>> observers) : _observers(std::move(observers)) {}

    template <typename... Parameters, typename... Arguments>
    void tell(void (LockObserver::*event)(Parameters...), const Arguments&... arguments) const noexcept
    {
        for (const auto& observer : _observers)
        {
            try
            {
                ((*observer).*event)(arguments...);
            }
            catch (const std::exception& trouble)
            {
                complain(*observer, trouble.what());
            }
            catch (...)
            {
                complain(*observer, "something that is no std::exception");
            }
        }
    }

private:
    /// Tells the other observers. Their exceptions are dropped here: otherwise two faulty observers would call each other for ever.
    void complain(const LockObserver& culprit, const char* what) const noexcept;

    const std::vector<std::shared_ptr<LockObserver>> _observers;
};

} // namespace Leasehold
