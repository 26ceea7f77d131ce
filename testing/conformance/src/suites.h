#pragma once

namespace Leasehold
{

class ConformanceSuite;

/// The layers of the kit. The source of each describes it.
void addRuleTests(ConformanceSuite& suite);
void addExpiryTests(ConformanceSuite& suite);
void addFenceTests(ConformanceSuite& suite);
void addAdversaryTests(ConformanceSuite& suite);
void addNameTests(ConformanceSuite& suite);
void addBatchTests(ConformanceSuite& suite);
void addWaitingTests(ConformanceSuite& suite);
void addFeedTests(ConformanceSuite& suite);
void addTroubleTests(ConformanceSuite& suite);
void addThreadTests(ConformanceSuite& suite);
void addAtomicityTests(ConformanceSuite& suite);
void addProcessTests(ConformanceSuite& suite);

} // namespace Leasehold
