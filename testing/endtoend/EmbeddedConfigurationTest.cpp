#include "ConfiguredStoreSuite.h"

namespace Leasehold
{

/// The stores that need no server.
class EmbeddedConfigurationTest : public ConfiguredStoreSuite
{
    CPPUNIT_TEST_SUB_SUITE(EmbeddedConfigurationTest, ConfiguredStoreSuite);
    CPPUNIT_TEST_SUITE_END();

    std::vector<std::string> types() const override { return {"memory", "sqlite"}; }
    std::string settings(const std::string& folder) const override { return "leasehold.store.sqlite.path = " + folder + "/locks.db\n"; }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EmbeddedConfigurationTest);

} // namespace Leasehold
