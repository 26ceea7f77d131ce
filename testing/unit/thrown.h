#pragma once

#include <cppunit/extensions/HelperMacros.h>

#include <initializer_list>
#include <string>
#include <typeinfo>

/// The message of the exception of `action`, whose class must be exactly Error.
template <typename Error, typename Action>
std::string messageOf(Action action)
{
    try
    {
        action();
    }
    catch (const Error& error)
    {
        CPPUNIT_ASSERT_EQUAL(std::string(typeid(Error).name()), std::string(typeid(error).name()));
        return error.what();
    }
    CPPUNIT_FAIL(std::string("nothing was thrown; expected ") + typeid(Error).name());
    return {};
}

inline void assertNames(const std::string& message, std::initializer_list<std::string> parts)
{
    for (const auto& part : parts)
        CPPUNIT_ASSERT_MESSAGE("\"" + part + "\" is missing in: " + message, message.find(part) != std::string::npos);
}

inline void assertLacks(const std::string& message, const std::string& part)
{
    CPPUNIT_ASSERT_MESSAGE("\"" + part + "\" stands in: " + message, message.find(part) == std::string::npos);
}
