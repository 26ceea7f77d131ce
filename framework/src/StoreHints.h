#pragma once

#include "Leasehold/StoreListener.h"

#include <mutex>

namespace Leasehold
{

class LeaseService;

/// Passes what a store hears by itself on to the service, until the service is stopped.
class StoreHints : public StoreListener
{
public:
    explicit StoreHints(LeaseService& service) : _service(&service) {}

    void lost(const LeaseRef& lease) override;
    void mayBeFree(const std::string& name) override;

    /// The service is reached no more when this returns.
    void end();

private:
    std::mutex _mutex;
    LeaseService* _service;
};

} // namespace Leasehold
