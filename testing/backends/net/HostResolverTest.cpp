#include "net/HostResolver.h"

#include "net/CallFailure.h"

#include <cppunit/extensions/HelperMacros.h>

#include <fstream>
#include <stdexcept>

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

namespace Leasehold::Net
{

using namespace std::chrono_literals;

namespace
{

/// While it exists, no thread can be started: the remaining address space is smaller than a stack.
class NoThreadLeft
{
public:
    NoThreadLeft()
    {
        long long pages = 0;
        if (!(std::ifstream("/proc/self/statm") >> pages) || ::getrlimit(RLIMIT_AS, &_limit) != 0 ||
            ::pthread_getattr_default_np(&_attributes) != 0)
            throw std::runtime_error("the limits of this process cannot be read");
        constexpr std::size_t stack = std::size_t{512} << 20;
        pthread_attr_t big;
        if (::pthread_attr_init(&big) != 0 || ::pthread_attr_setstacksize(&big, stack) != 0 || ::pthread_setattr_default_np(&big) != 0)
            throw std::runtime_error("the size of a thread's stack cannot be set");
        ::pthread_attr_destroy(&big);
        rlimit tight = _limit;
        tight.rlim_cur = static_cast<rlim_t>(pages * ::sysconf(_SC_PAGESIZE)) + stack / 4;
        if (::setrlimit(RLIMIT_AS, &tight) != 0)
            throw std::runtime_error("the address space cannot be limited");
    }
    ~NoThreadLeft()
    {
        ::setrlimit(RLIMIT_AS, &_limit);
        ::pthread_setattr_default_np(&_attributes);
        ::pthread_attr_destroy(&_attributes);
    }
    NoThreadLeft(const NoThreadLeft&) = delete;
    NoThreadLeft& operator=(const NoThreadLeft&) = delete;

private:
    rlimit _limit{};
    pthread_attr_t _attributes{};
};

} // namespace

class HostResolverTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(HostResolverTest);
    CPPUNIT_TEST(testNameIsLookedUpAgainAfterNoThreadWasLeft);
    CPPUNIT_TEST(testPreferredAddressComesFirst);
    CPPUNIT_TEST_SUITE_END();

    static std::vector<Poco::Net::SocketAddress> resolve(HostResolver& resolver)
    {
        return resolver.resolve("localhost", 9200, CallContext::within(60s));
    }

public:
    void testNameIsLookedUpAgainAfterNoThreadWasLeft()
    {
        HostResolver resolver;
        std::string why;
        {
            const NoThreadLeft noThreadLeft;
            try
            {
                resolve(resolver);
            }
            catch (const CallFailure& failure)
            {
                CPPUNIT_ASSERT(failure.outcome() == CallFailure::Outcome::notSent);
                CPPUNIT_ASSERT(!failure.isPermanent());
                why = failure.what();
            }
        }
        CPPUNIT_ASSERT_MESSAGE(why, why.find("localhost cannot be looked up: no thread can be started") != std::string::npos);
        CPPUNIT_ASSERT(!resolve(resolver).empty());
    }

    void testPreferredAddressComesFirst()
    {
        HostResolver resolver;
        for (const auto& address : resolve(resolver))
        {
            resolver.prefer("localhost", address.host());
            CPPUNIT_ASSERT_EQUAL(address.toString(), resolve(resolver).front().toString());
            resolver.forget("localhost");
            CPPUNIT_ASSERT_EQUAL(address.toString(), resolve(resolver).front().toString());
        }
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(HostResolverTest);

} // namespace Leasehold::Net
