#include "SmallSteps.h"
#include "scenarios.h"

#include "Leasehold/Durations.h"
#include "Leasehold/LockPolicy.h"
#include "Leasehold/Metadata.h"
#include "Leasehold/Store/LeaseRules.h"

#include <optional>

namespace Leasehold::Bench
{

/// Measures small steps of the framework.
Result measureFrameworkSteps(Setting& setting)
{
    SmallSteps steps;
    const LeasePolicy policy;
    const auto now = LocalClock::now();
    steps.add("LeasePolicy: validUntil and the next renewal",
              [policy, now] {
                  return policy.validUntil(now, policy.ttl).time_since_epoch().count() + policy.nextRenewal(now).time_since_epoch().count();
              });
    steps.add("WaitPolicy: the next delay",
              [backoff = WaitPolicy{}.backoff, attempt = 0]() mutable { return backoff->delay(++attempt % 10, Milliseconds(20'000)); });

    const LeaseRules::StorageNow storageNow{1'000'000, 1'764'000'000'000'000};
    AcquireRequest request;
    request.name = "orders/reindex";
    request.token = drawToken();
    request.ttl = std::chrono::seconds(30);
    steps.add("LeaseRules: acquire, renew and release of one record",
              [storageNow, request]
              {
                  std::optional<LeaseRules::Record> record;
                  LeaseRules::acquire(record, request, storageNow);
                  const LeaseRef lease{request.name, request.token, record->fence};
                  LeaseRules::renew(record, lease, request.ttl, storageNow);
                  bool changed = false;
                  return LeaseRules::release(record, lease, storageNow, changed);
              });
    steps.add("TokenPolicy: a token from the operating system", [] { return drawToken(); });
    steps.add("Metadata of three members", [] { return Metadata{{"host", "web-3"}, {"pid", 4711}, {"nightly", true}}; });
    steps.add("Metadata::fromJSON, three members", [] { return Metadata::fromJSON(R"({"host":"web-3","pid":4711,"nightly":true})"); });
    steps.add("parseDuration", [] { return parseDuration("1500ms"); });
    steps.add("formatDuration", [] { return formatDuration(Milliseconds(90'000)); });
    return steps.measure(setting);
}

} // namespace Leasehold::Bench
