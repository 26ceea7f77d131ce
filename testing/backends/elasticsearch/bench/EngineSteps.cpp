#include "EngineAnswer.h"
#include "EngineBench.h"
#include "LockOperations.h"
#include "SmallSteps.h"

#include "Leasehold/LockPolicy.h"

#include <cstddef>
#include <string>

namespace Leasehold::Bench
{

using namespace Elasticsearch;
namespace
{

std::string bulkAnswer(std::size_t items)
{
    std::string body = R"({"items":[)";
    for (std::size_t number = 0; number < items; ++number)
        body += std::string(number == 0 ? "" : ",") + R"({"update":{"result":"updated","status":200}})";
    return body + "]}";
}

} // namespace

/// Measures small steps of the Elasticsearch store.
Result measureEngineSteps(Setting& setting)
{
    SmallSteps steps;
    AcquireRequest request;
    request.name = "orders/reindex";
    request.token = drawToken();
    request.ttl = std::chrono::seconds(30);
    steps.add("the request of one acquire", [request] { return acquireOperation(request); });
    const RenewRequest renewal{{request.name, request.token, 1'764'000'000'000'000}, request.ttl};
    steps.add("the request of 1,000 renewals",
              [renewal]
              {
                  std::string body;
                  for (int number = 0; number < 1000; ++number)
                      appendBulkLines(body, renewOperation(renewal));
                  return body;
              });
    steps.add("reading the answer to one", [body = std::string(R"({"result":"updated","get":{"_source":{"answer":"released"}}})")]
              { return readEngineAnswer(200, "application/json", body); });
    steps.add("reading the answer to 1,000 renewals",
              [body = bulkAnswer(1000)] { return readEngineAnswer(200, "application/json", body); });
    return steps.measure(setting);
}

} // namespace Leasehold::Bench
