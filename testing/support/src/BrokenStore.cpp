#include "Leasehold/BrokenStore.h"

#include "brokenStores.h"

namespace Leasehold
{

const std::vector<BrokenStore>& brokenStores()
{
    static const std::vector<BrokenStore> stores = []
    {
        std::vector<BrokenStore> all;
        addBrokenHolderChecks(all);
        addBrokenGrants(all);
        addBrokenFences(all);
        addBrokenClocks(all);
        addBrokenSteps(all);
        addBrokenAnswers(all);
        addBrokenFeeds(all);
        addBrokenNotes(all);
        return all;
    }();
    return stores;
}

} // namespace Leasehold
