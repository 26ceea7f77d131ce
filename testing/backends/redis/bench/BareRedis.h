#pragma once

#include "StorageBench.h"

#include <memory>
#include <string>
#include <vector>

struct redisContext;

namespace Leasehold::Bench
{

/// The scripts of the store on a bare connection of hiredis, one step a request.
class BareRedis : public BareClient
{
public:
    BareRedis(int port, const std::string& prefix, std::string name);

    bool pair() override;

private:
    struct Close
    {
        void operator()(redisContext* context) const;
    };

    /// One step of the script `steps`: 1 if it was granted or released, else 0; sets the fence if it was granted.
    bool step(bool acquires);

    std::unique_ptr<redisContext, Close> _connection;
    std::vector<std::string> _words; // of the request; the last eight are those of the step
    const std::string _lock;
    std::string _tag, _channels;
    std::string _fence;
    std::string _token;
};

} // namespace Leasehold::Bench
