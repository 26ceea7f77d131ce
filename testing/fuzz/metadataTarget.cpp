#include "FuzzTargets.h"

#include "HolderText.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/LockRecord.h"
#include "Leasehold/Metadata.h"

namespace Leasehold::Fuzz
{

void metadata(std::string_view input)
{
    try
    {
        const auto read = Metadata::fromJSON(input);
        require(read.json().size() <= Metadata::maxBytes, "metadata is not too long");
        require(Metadata::fromJSON(read.json()) == read, "metadata that is written is read as the same: " + read.json());
    }
    catch (const InvalidLockRequest& error)
    {
        require(!error.message().empty(), "an error says what is wrong");
    }

    // A record may hold what another program wrote.
    LockRecord record;
    record.name = "a";
    record.metadata = input;
    require(describeHolder(record).starts_with("held by "), "any holder can be described");
}

} // namespace Leasehold::Fuzz
