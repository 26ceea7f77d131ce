#include "FuzzTargets.h"

#include <cstddef>
#include <cstdint>

// What libFuzzer calls. An exception that leaves it is a finding.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    Leasehold::Fuzz::FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
    return 0;
}
