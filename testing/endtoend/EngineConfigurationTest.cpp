#include "ConfiguredStoreSuite.h"

#include "warmEngine.h"

namespace Leasehold
{

/// Every store of production.
class EngineConfigurationTest : public ConfiguredStoreSuite
{
    CPPUNIT_TEST_SUB_SUITE(EngineConfigurationTest, ConfiguredStoreSuite);
    CPPUNIT_TEST_SUITE_END();

    std::vector<std::string> types() const override { return {"memory", "sqlite", "elasticsearch"}; }
    std::string settings(const std::string& folder) const override
    {
        return "leasehold.store.sqlite.path = " + folder + "/locks.db\n" +
               "leasehold.store.elasticsearch.url = " + warmEngine(EngineKind::openSearch3).url() + "\n" +
               "leasehold.store.elasticsearch.index = configured\n" + "leasehold.store.elasticsearch.replicas = 0\n";
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EngineConfigurationTest);

} // namespace Leasehold
