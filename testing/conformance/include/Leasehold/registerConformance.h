#pragma once

#include "Leasehold/Export.h"
#include "Leasehold/HarnessKind.h"

#include <cppunit/Test.h>

#include <memory>
#include <string>
#include <utility>

namespace Leasehold
{

/// The tests of the kit that a harness of this kind can run, as one CppUnit suite. The caller owns it.
LEASEHOLD_EXPORT CppUnit::Test* makeConformanceTests(const HarnessKind& kind);

/// The tests that a harness of this kind cannot run, one line per missing capability; empty if it can run all. Removes from `kind` the
/// capabilities that this machine does not allow, and includes them in the text.
LEASEHOLD_EXPORT std::string leaveOutMissing(HarnessKind& kind);

/// Adds the kit's tests for this kind to those of runTests, which also prints the text of leaveOutMissing. Throws std::logic_error if the
/// name is taken.
LEASEHOLD_EXPORT bool registerConformance(HarnessKind kind);

/// Lets the kit's processes open storages of this kind, for a program that runs makeConformanceTests by itself.
LEASEHOLD_EXPORT void registerForProcesses(HarnessKind kind);

/// The usual way, in the one source file of a store's conformance test:
///
///     const bool registered = registerConformance<MyHarness>("mystore");
///
/// Arguments after the name go to each harness's constructor.
///
/// The whole test of a store, samples/custom_store/DirectoryConformanceTest.cpp:
/// @include custom_store/DirectoryConformanceTest.cpp
template <typename Harness, typename... Arguments>
bool registerConformance(std::string name, Arguments... arguments)
{
    return registerConformance(harnessKind<Harness>(
        std::move(name), [arguments...]() -> std::unique_ptr<StoreHarness> { return std::make_unique<Harness>(arguments...); }));
}

} // namespace Leasehold
