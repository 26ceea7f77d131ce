#pragma once

namespace Leasehold
{

class ConformanceSuite;

/// The layers of the kit; each is described in its source.
void addRuleTests(ConformanceSuite& suite);
void addExpiryTests(ConformanceSuite& suite);
void addFenceTests(ConformanceSuite& suite);
void addAdversaryTests(ConformanceSuite& suite);
void addNameTests(ConformanceSuite& suite);
void addBatchTests(ConformanceSuite& suite);
void addTroubleTests(ConformanceSuite& suite);
void addThreadTests(ConformanceSuite& suite);
void addProcessTests(ConformanceSuite& suite);

} // namespace Leasehold
