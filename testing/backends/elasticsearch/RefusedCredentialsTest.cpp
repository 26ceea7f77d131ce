#include "EngineNode.h"
#include "Leasehold/ElasticsearchLockStore.h"
#include "Leasehold/LockManagerService.h"

#include <cppunit/extensions/HelperMacros.h>

namespace Leasehold
{

/// A real Elasticsearch 8 with its security module and without users.
class RefusedCredentialsTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(RefusedCredentialsTest);
    CPPUNIT_TEST(testRefusedCredentialsAreAnErrorWithoutTheSecret);
    CPPUNIT_TEST_SUITE_END();

public:
    void testRefusedCredentialsAreAnErrorWithoutTheSecret()
    {
        EngineNode node(EngineKind::elasticsearch8,
                        {.settings = {"xpack.security.enabled: true", "xpack.security.autoconfiguration.enabled: false",
                                      "xpack.security.enrollment.enabled: false", "xpack.security.http.ssl.enabled: false",
                                      "xpack.security.transport.ssl.enabled: false", "xpack.security.authc.realms.file.file1.order: 0"}});
        ElasticsearchOptions options;
        options.nodes = {node.url()};
        options.user = "nobody-here";
        options.password = "open-sesame";
        LockManagerService locks(std::make_shared<ElasticsearchLockStore>(options), {}, {.observers = {std::make_shared<LockObserver>()}});
        for (int call = 0; call < 2; ++call)
        {
            try
            {
                locks.withLock("nightly", [] { CPPUNIT_FAIL("the callback ran"); });
                CPPUNIT_FAIL("a lock was granted without credentials");
            }
            catch (const LockStoreUnavailable& error)
            {
                CPPUNIT_FAIL("refused credentials are not worth another try: " + error.message());
            }
            catch (const LockStoreError& error)
            {
                for (const auto* part : {"401", "security_exception", "127.0.0.1"})
                    CPPUNIT_ASSERT_MESSAGE(error.message(), error.message().find(part) != std::string::npos);
                CPPUNIT_ASSERT(error.message().find("open-sesame") == std::string::npos);
            }
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RefusedCredentialsTest);

} // namespace Leasehold
