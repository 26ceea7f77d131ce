#pragma once

#include <cppunit/TestFixture.h>
#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <vector>

namespace Leasehold
{

/// One program and one properties file: its store is changed by one changed line. A subclass says which stores.
class ConfiguredStoreSuite : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(ConfiguredStoreSuite);
    CPPUNIT_TEST(testOneChangedLineChangesTheStoreOfAProgram);
    CPPUNIT_TEST_SUITE_END_ABSTRACT();

protected:
    virtual std::vector<std::string> types() const = 0;
    /// The lines that the stores need besides the one that chooses; `folder` is an empty folder.
    virtual std::string settings(const std::string& folder) const = 0;

private:
    void testOneChangedLineChangesTheStoreOfAProgram();
};

} // namespace Leasehold
