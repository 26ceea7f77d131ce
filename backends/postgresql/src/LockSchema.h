#pragma once

#include "LockCalls.h"
#include "Session.h"

#include "Leasehold/Store/CallContext.h"

#include <optional>
#include <string>

namespace Leasehold::PostgreSQL
{

/// The text of sql/leasehold-postgresql.sql, for the schema "leasehold".
extern const char* const schemaText;

/// The table and the functions: looks whether they are there, and makes what is missing.
class LockSchema
{
public:
    /// `place` names the store in messages.
    LockSchema(const std::string& schema, std::string place);

    const LockCalls& calls() const { return _calls; }

    /// What the look found.
    struct Found
    {
        bool hasTable = false;
        std::optional<TableContent> content{}; ///< nullopt: a part is missing, or the table was emptied
    };
    /// Throws LockStoreError if the table is not ours, or of a newer version.
    Found examine(Session& session, const CallContext& context) const;

    /// Makes what is missing, in one transaction, while no other process does. Throws LockStoreError without the right to.
    void setUp(Session& session, const CallContext& context) const;

    /// A schema's name: letters in small, digits and underscores. Others would need quotes in an operator's copy of the text.
    static bool isName(const std::string& schema);
    /// The text of the set-up for this schema.
    static std::string text(const std::string& schema);

private:
    SchemaState look(Session& session, const CallContext& context) const;

    const std::string _schema;
    const std::string _place;
    const LockCalls _calls;
};

} // namespace Leasehold::PostgreSQL
