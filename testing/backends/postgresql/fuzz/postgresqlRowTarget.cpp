#include "fuzzing.h"

#include "LockCalls.h"
#include "ServerTrouble.h"

#include "Leasehold/Fence.h"

#include <array>
#include <vector>

namespace Leasehold::Fuzz
{

using namespace PostgreSQL;

namespace
{

/// The columns in the input: a byte with the length, then so many bytes; the length 255 is a null.
std::vector<Row::Field> fieldsIn(std::string_view input)
{
    std::vector<Row::Field> fields;
    while (!input.empty())
    {
        const auto length = static_cast<unsigned char>(input.front());
        input.remove_prefix(1);
        if (length == 255)
            fields.emplace_back();
        else
        {
            fields.emplace_back(input.substr(0, length));
            input.remove_prefix(fields.back()->size());
        }
    }
    return fields;
}

void requireRecord(const LockRecord& record)
{
    require(record.fence > 0 && record.fence <= maxFence, "a record has a fence in the allowed range");
    require(record.remaining.count() > 0, "a live lease has time left");
}

template <typename Read>
void reading(const Read& read)
{
    try
    {
        read();
    }
    catch (const MalformedRow& problem)
    {
        requireReadable(problem.what());
    }
}

} // namespace

void postgresqlRow(std::string_view input)
{
    const Row row(fieldsIn(input));
    reading([&] { LockCalls::readSessionState(row); });
    reading([&] { LockCalls::readSchemaState(row); });
    reading([&] { LockCalls::readTableContent(row); });
    reading([&] { requireRecord(LockCalls::readRecord(row)); });
    reading([&] { LockCalls::readRelease(row); });
    reading(
        [&]
        {
            const auto verdict = LockCalls::readAcquire({.name = "a", .token = "t", .ttl = Milliseconds{30'000}}, row);
            if (verdict.status == AcquireVerdict::Status::granted || verdict.status == AcquireVerdict::Status::held)
                requireRecord(verdict.record);
        });
    reading(
        [&]
        {
            BatchStep first(RenewRequest{{"a", "t", 1}, Milliseconds{1000}}), second(RenewRequest{{"b", "t", 1}, Milliseconds{1000}});
            const std::array<BatchStep*, 2> steps{&first, &second};
            require(LockCalls::readRenew(steps, row).size() == 2, "each renewal has a reply");
        });
    requireReadable(describe(input));
    const auto state = sqlStateOf(input);
    require(state.empty() || state.size() == 5, "an SQLSTATE has five characters");
}

} // namespace Leasehold::Fuzz
