#include "fuzzing.h"

#include "HolderText.h"

#include "Leasehold/Exceptions.h"
#include "Leasehold/LockRecord.h"
#include "Leasehold/Metadata.h"

#include <Poco/Dynamic/Var.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

namespace Leasehold::Fuzz
{

namespace
{

/// Metadata that can be read must be accepted again; a refusal is a finding.
Metadata throughObject(const Metadata& metadata)
{
    try
    {
        return Metadata(*Poco::JSON::Parser().parse(metadata.json()).extract<Poco::JSON::Object::Ptr>());
    }
    catch (const InvalidLockRequest& error)
    {
        require(false, "metadata that was read is refused as an object: " + error.message());
        throw;
    }
}

} // namespace

void metadata(std::string_view input)
{
    try
    {
        const auto read = Metadata::fromJSON(input);
        require(read.json().size() <= Metadata::maxBytes, "metadata is not too long");
        require(Metadata::fromJSON(read.json()) == read, "metadata that is written is read as the same: " + read.json());
        if (read.json().size() < Metadata::maxBytes / 6) // POCO may write a longer text
        {
            const auto copied = throughObject(read);
            require(throughObject(copied) == copied, "metadata that came from an object makes the same again: " + copied.json());
        }
    }
    catch (const InvalidLockRequest& error)
    {
        require(!error.message().empty(), "an error says what is wrong");
    }

    // A record may have metadata of another program.
    LockRecord record;
    record.name = "a";
    record.metadata = input;
    require(describeHolder(record).starts_with("held by "), "any holder can be described");
}

} // namespace Leasehold::Fuzz
