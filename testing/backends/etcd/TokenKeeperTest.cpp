#include "TokenKeeper.h"

#include "Leasehold/Exceptions.h"

#include <cppunit/extensions/HelperMacros.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <thread>
#include <vector>

namespace Leasehold::Etcd
{

using namespace std::chrono_literals;

class TokenKeeperTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(TokenKeeperTest);
    CPPUNIT_TEST(testHundredThreadsLogInOnce);
    CPPUNIT_TEST(testRefusedTokenIsReplacedOnce);
    CPPUNIT_TEST(testFailureToLogInIsNotRemembered);
    CPPUNIT_TEST(testCallWhoseDeadlineComesDuringALoginIsUnavailable);
    CPPUNIT_TEST_SUITE_END();

public:
    void testHundredThreadsLogInOnce()
    {
        constexpr int threads = 100;
        std::atomic<int> logins{0};
        std::latch start(threads);
        TokenKeeper tokens(
            [&](const CallContext&)
            {
                start.wait(); // all of them want the token
                return "token " + std::to_string(++logins);
            });
        {
            std::vector<std::jthread> all;
            for (int i = 0; i < threads; ++i)
                all.emplace_back(
                    [&]
                    {
                        start.arrive_and_wait();
                        if (tokens.token(CallContext::within(1min)) != "token 1")
                            ++logins;
                    });
        }
        CPPUNIT_ASSERT_EQUAL(1, logins.load());
    }

    void testRefusedTokenIsReplacedOnce()
    {
        int logins = 0;
        TokenKeeper tokens([&](const CallContext&) { return std::to_string(++logins); });
        const auto first = tokens.token(CallContext::within(1min));
        tokens.refused(first);
        CPPUNIT_ASSERT_EQUAL(std::string("2"), tokens.token(CallContext::within(1min)));
        tokens.refused(first); // by a slower thread
        CPPUNIT_ASSERT_EQUAL(std::string("2"), tokens.token(CallContext::within(1min)));
    }

    void testFailureToLogInIsNotRemembered()
    {
        int logins = 0;
        TokenKeeper tokens(
            [&](const CallContext&) -> std::string
            {
                if (++logins == 1)
                    throw LockStoreUnavailable("not now");
                return {};
            });
        CPPUNIT_ASSERT_THROW(tokens.token(CallContext::within(1min)), LockStoreUnavailable);
        CPPUNIT_ASSERT_EQUAL(std::string(), tokens.token(CallContext::within(1min))); // the servers need no token
        tokens.token(CallContext::within(1min));
        CPPUNIT_ASSERT_EQUAL(2, logins);
    }

    void testCallWhoseDeadlineComesDuringALoginIsUnavailable()
    {
        std::latch begun(1), end(1);
        TokenKeeper tokens(
            [&](const CallContext&)
            {
                begun.count_down();
                end.wait();
                return std::string("token");
            });
        std::jthread first([&] { tokens.token(CallContext::within(1min)); });
        begun.wait();
        CPPUNIT_ASSERT_THROW(tokens.token(CallContext::within(20ms)), LockStoreUnavailable);
        std::stop_source cancel;
        cancel.request_stop();
        CPPUNIT_ASSERT_THROW(tokens.token(CallContext::within(1min, cancel.get_token())), LockStoreUnavailable);
        end.count_down();
        CPPUNIT_ASSERT_EQUAL(std::string("token"), tokens.token(CallContext::within(1min)));
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TokenKeeperTest);

} // namespace Leasehold::Etcd
