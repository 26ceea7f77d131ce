#pragma once

#include "EndToEndSuite.h"

namespace Leasehold
{

/// Tests for every storage with a server: the server ends and restarts, the network has faults, the storage is deleted.
class ServerSuite : public EndToEndSuite
{
public:
    using EndToEndSuite::EndToEndSuite;

    void testServerThatIsDownIsNamedAndUsedWhenItIsBack();
    void testBadNetworkIsUnavailableInTimeAndNeverBusy();
    void testLostReplyOfAGrantBlocksNobody();
    void testDeletedStorageLosesLocksAndGrantsNothingForATtl();

private:
    StorageServer& server() const { return *storage().server(); }
};

} // namespace Leasehold
