#pragma once

#include "JsonTree.h"

#include <string>

namespace Leasehold::Fake
{

/// A request, or an item of a bulk, that an engine refuses.
struct Failure
{
    int status = 0;
    Object error{};     ///< type, reason and further members
    Object root{};      ///< the engine's root cause; null: `error` without its causes
    std::string text{}; ///< instead of the object: a plain text as the error

    /// The body of the whole answer.
    Object body() const;
};

Failure failure(int status, const std::string& type, const std::string& reason, const Object& causedBy = {});
/// An error that is a plain text.
Failure plainFailure(int status, const std::string& text);
/// 501, for a request that an engine may know and the fake does not.
Failure unsupported(const std::string& what);

Failure indexMissing(const std::string& name);
/// The failure of require_alias.
Failure aliasMissing(const std::string& name);
Failure documentMissing(const std::string& id, const std::string& index, const std::string& uuid);
/// A painless script that met null where it needs a number.
Failure scriptFailed();
Failure badJson(Parsed::Trouble trouble);

} // namespace Leasehold::Fake
