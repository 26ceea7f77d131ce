#pragma once

#include "ScriptedServer.h"

#include "net/HttpTransport.h"

#include <cppunit/extensions/HelperMacros.h>

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace Leasehold::Net
{

inline HttpTransport::Options options(const std::vector<std::string>& urls)
{
    HttpTransport::Options result;
    for (const auto& url : urls)
        result.nodes.push_back(HttpNode::parse(url, "url", 9200));
    result.keyPrefix = "test.";
    return result;
}

inline CallContext within(Milliseconds limit, std::stop_token cancel = {})
{
    return CallContext::within(limit, std::move(cancel));
}

inline HttpAnswer post(HttpTransport& transport, Milliseconds limit = std::chrono::seconds(20))
{
    return transport.send({"POST", "/x", R"({"a":1})"}, within(limit));
}

/// The failure of a call; the test fails if there is none.
inline CallFailure failureOf(const std::function<void()>& call)
{
    try
    {
        call();
    }
    catch (const CallFailure& failure)
    {
        return failure;
    }
    CPPUNIT_FAIL("the call did not fail");
    throw std::logic_error("not reached");
}

inline CallFailure failureOf(ScriptedServer& server, Milliseconds limit = std::chrono::seconds(20))
{
    HttpTransport transport(options({server.url()}));
    return failureOf([&] { post(transport, limit); });
}

inline void assertUnknown(const CallFailure& failure)
{
    CPPUNIT_ASSERT_MESSAGE(failure.what(), failure.outcome() == CallFailure::Outcome::unknown);
}

inline void assertNotSent(const CallFailure& failure)
{
    CPPUNIT_ASSERT_MESSAGE(failure.what(), failure.outcome() == CallFailure::Outcome::notSent);
}

inline void assertSays(const CallFailure& failure, const std::string& text)
{
    CPPUNIT_ASSERT_MESSAGE(failure.what(), std::string(failure.what()).find(text) != std::string::npos);
}

/// Runs a call that must end long before the 10 s of the other calls.
inline void assertSoon(const std::function<void()>& call)
{
    const auto start = std::chrono::steady_clock::now();
    call();
    CPPUNIT_ASSERT(std::chrono::steady_clock::now() - start < std::chrono::seconds(8));
}

inline void answerOnce(ScriptedServer::Conversation& conversation, const std::string& text)
{
    if (conversation.readRequest())
        conversation.send(text);
}

} // namespace Leasehold::Net
