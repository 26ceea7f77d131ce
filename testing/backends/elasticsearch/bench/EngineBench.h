#pragma once

#include "RawHttp.h"
#include "StorageBench.h"

#include "EngineNode.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace Leasehold::Bench
{

/// The bench of engines, real ones and the fake one: they have the same raw requests and the same scenarios.
class EngineBench : public StorageBench
{
public:
    /// The node of the engine. nullptr: the fake engine, which lives in this process.
    virtual EngineNode* node() { return nullptr; }

    Targets targets() const override;
    std::string bareName() const override { return "the same two requests from a bare keep-alive connection"; }
    std::unique_ptr<BareClient> bareClient(const std::string& url, const std::string& name) override;
    /// Single requests from a load generator, at the number of connections that gives the highest rate.
    std::unique_ptr<BareLoad> bareLoad(Setting& setting, const std::string& url, std::size_t threads) override;
    std::vector<Scenario> scenarios() override;

private:
    std::size_t _bestConnections = 0; // 0: not measured yet
};

// The scenarios of an engine. Each is documented at its definition.
Result measureBulkSize(Setting& setting, EngineBench& bench);
Result measureChurn(Setting& setting, EngineBench& bench);
Result measureRequestLimits(Setting& setting, EngineBench& bench);
Result measureEngineSteps(Setting& setting); ///< only where Google Benchmark is installed

} // namespace Leasehold::Bench
