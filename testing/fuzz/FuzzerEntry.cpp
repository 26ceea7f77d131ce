#include <cstddef>
#include <cstdint>
#include <string_view>

namespace Leasehold::Fuzz
{
void FUZZ_TARGET(std::string_view input);
}

// The function that libFuzzer calls. An exception that escapes from it is a finding.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    Leasehold::Fuzz::FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
    return 0;
}
