#pragma once

#include "Leasehold/HarnessKind.h"

#include <cppunit/Test.h>

#include <memory>
#include <string>
#include <utility>

namespace Leasehold
{

/// The tests of the kit that a harness of this kind can run, as one CppUnit suite that the caller owns.
CppUnit::Test* makeConformanceTests(const HarnessKind& kind);

/// Which tests it can not run, and for want of what: one line a capability, empty if there is none. Also what this machine does not
/// allow, which `kind` is to lack from now on.
std::string leaveOutMissing(HarnessKind& kind);

/// Adds the kit's tests for this kind to the tests that runTests runs, which also prints what leaveOutMissing says. Throws
/// std::logic_error if the name is taken.
bool registerConformance(HarnessKind kind);

/// The usual way, in the one source file of a store's conformance test:
///
///     const bool registered = registerConformance<MyHarness>("mystore");
///
/// Arguments after the name go to each harness's constructor.
template <typename Harness, typename... Arguments>
bool registerConformance(std::string name, Arguments... arguments)
{
    return registerConformance(harnessKind<Harness>(
        std::move(name), [arguments...]() -> std::unique_ptr<StoreHarness> { return std::make_unique<Harness>(arguments...); }));
}

} // namespace Leasehold
