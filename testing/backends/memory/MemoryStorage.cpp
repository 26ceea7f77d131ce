#include "StorageAdapter.h"

#include <stdexcept>

namespace Leasehold
{
namespace
{

/// The storage is an object of the process. A test cannot hang it, and another process cannot use it.
class MemoryStorage : public StorageAdapter
{
public:
    std::string name() const override { return "memory"; }
    std::string emptyStorage() override { return "memory:"; }
    std::string properties() const override { return {}; }
    std::size_t countTables() override { throw std::logic_error("the memory store has no tables"); }
    void freeze() override { throw std::logic_error("the memory store cannot hang"); }
    void thaw() override {}
    int hangTrials() const override { return 0; }
};

} // namespace

std::unique_ptr<StorageAdapter> memoryStorage(const std::string&)
{
    return std::make_unique<MemoryStorage>();
}

} // namespace Leasehold
